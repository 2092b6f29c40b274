"""What a comparison says of each record: of a run what was asked for, of a command what ran, of a trace its plan."""

from pathlib import Path

from pipebench.comparison.sides import side_of
from pipebench.records.command import Comparable
from pipebench.records.comparison import Side
from pipebench.records.selection import Source
from pipebench.records.terms import terms_of
from tests.builders import own_record, steady_record
from tests.guard import launches as commands


def side(record: Comparable) -> Side:
    return side_of(Source(record, Path("x.json")), "B", terms_of(record))


def test_a_run_is_named_with_what_was_asked_for() -> None:
    record = steady_record()
    found = side(record)
    assert (found.label, found.id, found.path, found.status) == ("B", record.id, "x.json", "completed")
    assert (found.schedule, found.devices, found.clock) == ("gpipe", record.device.count, "virtual")
    assert (found.launches, found.machine, found.unit) == (len(record.launches), "2014", "words")
    assert not found.command
    assert not found.trace


def test_a_run_of_a_model_of_the_users_own_names_it() -> None:
    record = own_record(devices=2)
    assert record.config.model is not None
    found = side(record)
    assert (found.model, found.baseline_devices) == (record.config.model.name, 2)


def test_a_command_is_named_with_what_ran_and_its_metric() -> None:
    record = commands.record([1.0, 2.0, 3.0], command=["python", "train.py"])
    found = side(record)
    assert found.command is not None
    assert (found.command.command, found.command.metric) == (["python", "train.py"], record.metric)
    assert (found.launches, found.device, found.clock, found.schedule) == (3, None, None, None)
