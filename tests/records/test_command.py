"""The record of a command: what it promises, and what it refuses."""

import json

import pytest

from pipebench.errors import CorruptRecordError
from pipebench.records import documents
from pipebench.records.command import CommandRecord, unit_of
from tests.guard.launches import record


def damaged(**changes: object) -> bytes:
    return json.dumps(json.loads(documents.encode(record([1.0] * 4))) | changes).encode()


def test_a_value_is_the_mean_of_launches_and_a_launch_the_median_of_what_counts() -> None:
    found = record([1.0, 4.0])
    assert found.launches[1].counted == [4.0, 4.0]
    assert found.value == pytest.approx(2.0)
    assert record([], status="failed").value is None


def test_it_is_read_as_it_was_written_and_what_is_unknown_is_passed_over() -> None:
    assert documents.decode(documents.encode(record([1.0] * 4)), "x") == record([1.0] * 4)
    assert isinstance(documents.decode(damaged(later=1), "x"), CommandRecord)


@pytest.mark.parametrize(
    "changes",
    [
        {"launches": []},
        {"command": []},
        {"status": "fine"},
        {"metric": {"field": "a|b", "unit": None, "better": "lower"}},
        {"metric": {"field": "a", "unit": None, "better": "left"}},
        {"launches": [{"started": "x", "wall_s": 1.0, "samples": [1.0], "skipped": 1}]},
        {"launches": [{"started": "x", "wall_s": 1.0, "samples": [0.0, 1.0]}]},
        {"schema": {"name": "pipebench", "version": 2}},
    ],
)
def test_what_no_command_can_have_left_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(CorruptRecordError):
        documents.decode(damaged(**changes), "x")


def test_the_unit_is_told_by_the_names_end() -> None:
    names = ("step_s", "tokens_per_s", "peak_bytes", "loss", "steps")
    assert [unit_of(name) for name in names] == ["s", "1/s", "bytes", None, None]
