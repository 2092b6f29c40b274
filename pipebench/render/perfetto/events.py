"""Events of Chrome's Trace Event Format, and times as its readers take them.

Perfetto counts whole nanoseconds, and drops a slice that begins inside another one and ends after it. So all times
here are rounded to whole nanoseconds first. The format has microseconds, as a float. Some readers cut off what is below
a nanosecond, others round it, and both must come to the same number.
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
    """One event; unset fields are not written. ``pid`` is a device, ``tid`` a lane of it, times are microseconds.

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
    """Which rank a file is of, as HolisticTraceAnalysis asks for it."""

    rank: int
    world_size: int


class Document(msgspec.Struct, frozen=True, rename="camel"):
    """A whole file. ``other_data`` says what made it and by which clock; readers ignore it."""

    display_time_unit: str
    other_data: Mapping[str, Scalar]
    trace_events: list[Event]
    distributed_info: Rank | UnsetType = UNSET


class Slice(NamedTuple):
    """Something that takes time on a device, in nanoseconds from the first moment of the trace.

    ``action`` or ``message`` is set where the slice stands for one.
    """

    start_ns: int
    end_ns: int
    name: str
    category: str
    arguments: Arguments
    action: Action | None = None
    message: Message | None = None


def nanoseconds(seconds: float) -> int:
    """Seconds as the nearest whole number of nanoseconds."""
    return round(seconds * _NS)


def microseconds(whole_ns: int) -> float:
    """Nanoseconds as microseconds; a reader that cuts off below a nanosecond finds the same whole number."""
    value = whole_ns / 1000
    while int(value * 1000) < whole_ns:
        value = nextafter(value, inf)
    return value


def slice_event(each: Slice, device: int, lane: int) -> Event:
    """The event of a slice on its lane."""
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
