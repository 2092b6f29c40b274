"""The strict reader finds what is wrong, or what it lets pass would prove nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipebench.render.perfetto.document import one_file
from pipebench.render.perfetto.step import shown_step
from tests.builders import completed_record
from tests.render.perfetto_reader import read

Events = list[dict[str, Any]]


def document() -> dict[str, Any]:
    return json.loads(one_file(shown_step(completed_record(), "x")))  # type: ignore[no-any-return]


def first(events: Events, ph: str, name: str = "") -> dict[str, Any]:
    return next(each for each in events if each["ph"] == ph and name in each["name"])


def longer(events: Events) -> None:
    first(events, "X", "0F0")["dur"] += 1


def negative(events: Events) -> None:
    first(events, "X")["ts"] = -1.0


def no_number(events: Events) -> None:
    first(events, "X")["dur"] = float("nan")


def cut_off_differs(events: Events) -> None:
    first(events, "s")["ts"] = 1.001  # 1.001 * 1000 is below 1001


def unknown_key(events: Events) -> None:
    first(events, "X")["tdur"] = 1


def no_name(events: Events) -> None:
    events.remove(first(events, "M", "thread_name"))


def no_end(events: Events) -> None:
    events.remove(first(events, "f"))


def outside(events: Events) -> None:
    first(events, "f")["ts"] += 1e9


def back_in_time(events: Events) -> None:
    first(events, "s")["ts"], first(events, "f")["ts"] = 1e6 - 1, 0.0
    first(events, "f")["pid"], first(events, "f")["tid"] = 0, 1


def two_starts(events: Events) -> None:
    events.append(first(events, "s"))


def never_freed(events: Events) -> None:
    events.remove([each for each in events if each["ph"] == "C"][-1])


def disorder(events: Events) -> None:
    slices = [number for number, each in enumerate(events) if each["ph"] == "X"]
    events[slices[0]], events[slices[1]] = events[slices[1]], events[slices[0]]


BREAKS: list[Callable[[Events], None]] = [
    *(longer, negative, no_number, cut_off_differs, unknown_key, no_name, no_end, outside),
    *(back_in_time, two_starts, never_freed, disorder),
]


def test_it_takes_the_document_as_it_is() -> None:
    assert len(read(json.dumps(document()).encode()).flows) == 4


@pytest.mark.parametrize("broken", BREAKS)
def test_it_takes_no_broken_one(broken: Callable[[Events], None]) -> None:
    whole = document()
    broken(whole["traceEvents"])
    with pytest.raises(AssertionError):
        read(json.dumps(whole).encode())
