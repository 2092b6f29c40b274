"""Events of Chrome's Trace Event Format, and times as its readers take them.

Perfetto counts whole nanoseconds, and drops a slice that begins in another one and ends behind it. So all times are
whole nanoseconds here from the start. The format has microseconds, as a float; some readers cut off what is below a
nanosecond and others round it, and both must come to the same number.
"""

from collections.abc import Mapping
from math import inf, nextafter
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from pipebench.plan.actions import Action
from pipebench.plan.transfers import Message

Arguments = Mapping[str, str | int | float]
Scalar = str | int | float | bool | None
_NS = 1e9  # in a second


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event; what is not given is not written. ``pid`` is a device, ``tid`` a lane of it, times are microseconds.

    ``ph`` is its kind: X a slice, C a counter's value, M a name, s, t and f the start, a step and the end of a flow.
    """

    ph: str
    name: str
    pid: int
    tid: int | UnsetType = UNSET
    ts: float | UnsetType = UNSET
    dur: float | UnsetType = UNSET
    cat: str | UnsetType = UNSET
    id: int | UnsetType = UNSET
    bp: str | UnsetType = UNSET
    args: Arguments | UnsetType = UNSET


class Rank(msgspec.Struct, frozen=True):
    """Whose trace a file is, as HolisticTraceAnalysis asks for it."""

    rank: int
    world_size: int


class Document(msgspec.Struct, frozen=True, rename="camel"):
    """A whole file. ``other_data`` says what made it and by which clock; readers pass it over."""

    display_time_unit: str
    other_data: Mapping[str, Scalar]
    trace_events: list[Event]
    distributed_info: Rank | UnsetType = UNSET


class Slice(NamedTuple):
    """Something that takes time on a device, in nanoseconds from the first moment of the trace.

    ``action`` or ``message`` is what it is of, where it is of one.
    """

    start_ns: int
    end_ns: int
    name: str
    category: str
    arguments: Arguments
    action: Action | None = None
    message: Message | None = None


def nanoseconds(seconds: float) -> int:
    """The nearest whole number of them."""
    return round(seconds * _NS)


def microseconds(whole_ns: int) -> float:
    """The time as the format has it; a reader that cuts off below the nanosecond finds the same whole number."""
    value = whole_ns / 1000
    while int(value * 1000) < whole_ns:
        value = nextafter(value, inf)
    return value


def slice_event(each: Slice, device: int, lane: int) -> Event:
    """A slice on its lane."""
    return Event(
        "X",
        each.name,
        device,
        lane,
        ts=microseconds(each.start_ns),
        dur=microseconds(each.end_ns - each.start_ns),
        cat=each.category,
        args=each.arguments,
    )


def encoded(document: Document) -> bytes:
    """The document as JSON in one line.

    There is a space behind each colon: some readers look for ``"rank": 0`` in the text.
    """
    return msgspec.json.format(msgspec.json.encode(document), indent=0) + b"\n"
