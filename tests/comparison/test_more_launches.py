"""What takes more launches where a side has too few."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipebench.comparison.compare import Rules, compare
from pipebench.records.command import Comparable
from pipebench.records.devices import RankRecord
from pipebench.records.run import CompletedRun
from pipebench.records.schema import WarningRecord
from pipebench.records.selection import Source
from tests.builders import own_record, steady_record, with_config
from tests.guard import launches as commands


def few(number: int, record: CompletedRun | None = None) -> CompletedRun:
    record = record or steady_record()
    return msgspec.structs.replace(record, launches=record.launches[:number])


def told(*records: Comparable, **rules: object) -> Sequence[WarningRecord]:
    sources = [Source(record, Path("x.json")) for record in records]
    found = compare(sources, Rules(**rules))  # type: ignore[arg-type]
    return [each for each in found.warnings if each.code == "few-launches"]


def test_it_says_how_many_there_are_how_many_are_needed_and_what_takes_more() -> None:
    (warning,) = told(few(3), few(2))
    assert warning.cause == "A and B: 3 and 2 launches, and a verdict needs 4 a side at least"
    words, _, command = warning.next_step.partition(": ")
    assert words == "run it again with --launches 6"
    assert shlex.split(command)[:4] == ["pipebench", "run", "--gpus", "2"]
    assert command.endswith(" --launches 6")
    (one,) = told(steady_record(), few(1))
    assert one.cause == "B: 1 launch, and a verdict needs 4 a side at least"


def test_four_launches_a_side_are_enough_for_a_verdict() -> None:
    assert told(few(4), few(4)) == []


def test_each_side_s_own_command_is_told() -> None:
    found = told(few(3), few(3, with_config(steady_record(), schedule="1f1b")), by="schedule")
    assert [warning.cause[:2] for warning in found] == ["A:", "B:"]
    assert ["--schedule 1f1b" in warning.next_step for warning in found] == [False, True]


def test_as_many_are_taken_as_the_noise_asks_for() -> None:
    noisy = [step_s * factor for step_s, factor in zip([9.5] * 3, [1.0, 1.05, 0.95], strict=True)]
    other = steady_record()
    slower = [
        msgspec.structs.replace(launch, pipeline=msgspec.structs.replace(launch.pipeline, step_s=[step_s]))
        for launch, step_s in zip(other.launches, noisy, strict=False)
    ]
    (warning,) = told(few(3), msgspec.structs.replace(other, launches=slower))
    number = int(warning.next_step.split()[-1])
    assert number > 6
    found = compare(
        [Source(few(3), Path("x")), Source(msgspec.structs.replace(other, launches=slower), Path("y"))]
    )
    notes = [each.note or "" for each in found.metrics.values() if each.gated]
    assert max(int(note.split(">= ")[1].split()[0]) for note in notes) == number


def test_what_no_command_is_known_for_is_told_in_words() -> None:
    (own,) = told(few(3, own_record()), few(3, own_record()))
    assert own.next_step == "run it again with --launches 6"
    record = few(1)
    ranks = [RankRecord("h", n, "A CPU") for n in range(2)]
    joined = msgspec.structs.replace(record, device=msgspec.structs.replace(record.device, ranks=ranks))
    (several,) = told(joined, joined)
    assert several.next_step.endswith("join the records: pipebench merge FOLDER")
    (guarded,) = told(commands.record([1.0, 1.1]), commands.record([1.0, 1.1]))
    assert guarded.next_step == "measure again with guard and a larger --budget, in which more launches fit"


def test_a_session_of_ab_is_given_more_time() -> None:
    (warning,) = told(few(2), few(2), in_turn=True)
    assert warning.next_step == "give it a larger --budget, in which more launches fit"


def test_records_that_cannot_be_compared_need_no_more_launches() -> None:
    assert told(few(2), with_config(few(2), hidden=64)) == []
