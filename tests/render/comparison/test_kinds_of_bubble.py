"""Of what the bubbles of a comparison are."""

from pathlib import Path

import msgspec

from pipebench.comparison.compare import Rules, compare
from pipebench.records.command import Comparable
from pipebench.records.run import CompletedRun
from pipebench.records.selection import Source
from pipebench.render.comparison.kinds_of_bubble import kinds_of_bubble
from tests.builders import ended_run, steady_record
from tests.guard import launches as commands


def told(*records: Comparable) -> str:
    return kinds_of_bubble(compare([Source(record, Path("x.json")) for record in records], Rules()))


def by_launch(record: CompletedRun) -> CompletedRun:
    """The same with how long its devices were busy, launch by launch."""
    launches = [
        msgspec.structs.replace(each, pipeline=msgspec.structs.replace(each.pipeline, busy_s=[12.0]))
        for each in record.launches
    ]
    return msgspec.structs.replace(record, launches=launches)


def test_it_is_over_all_launches_or_of_one_step_as_the_record_has_it() -> None:
    before, record = steady_record(), by_launch(steady_record())
    assert told(record, record) == "over all launches"
    assert told(before, before) == "recorded step only"
    assert told(record, before, record) == "A, C: over all launches; B: recorded step only"


def test_where_there_is_none_nothing_is_told() -> None:
    assert told(commands.record([1.0] * 4), commands.record([1.0] * 4)) == ""
    assert told(by_launch(steady_record()), ended_run(steady_record())) == "over all launches"
