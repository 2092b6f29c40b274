"""Times where stages compute on the processor and gloo carries messages.

A label of a forward or backward begins with the wait for its input. So computing starts where the label does or where
the last ``gloo:recv`` that was posted for it ends, whichever is later. This receive was posted inside of the label
itself (``Forward 3``), or inside of a label of its own (``PP:1RECV_F3`` for ``PP:1F3``). Computing ends where the label
posts its first send.

A ``gloo:recv`` ends when the message is there and somebody waits for it. A ``gloo:send`` ends only when somebody waits,
which may be at the end of the step. So a send is shown as the call that posts it, ``c10d::send``.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from pipebench.foreign.rows import COMPUTE
from pipebench.foreign.torch_profiler.events import Event, Trace
from pipebench.foreign.torch_profiler.labels import Label
from pipebench.foreign.torch_profiler.pieces import (
    RECEIVES,
    SENDS,
    Extent,
    Piece,
    needs,
    piece,
    received,
    whole,
)
from pipebench.foreign.torch_profiler.steps import Numbered

_SEND = "c10d::send"
_RECEIVE = "gloo:recv"


class _Messages:
    """Events of one name, by the label that they were posted in."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._extents = sorted(Extent(event.ts, event.end) for event in events)
        self._starts = [extent.start for extent in self._extents]

    def inside(self, label: Label) -> Extent | None:
        """From the first start to the last end of the events that start inside of the label."""
        first, end = bisect_left(self._starts, label.start), bisect_left(self._starts, label.end)
        found = self._extents[first:end]
        return Extent(found[0].start, max(extent.end for extent in found)) if found else None


def timed(trace: Trace, labels: Sequence[Numbered]) -> list[Piece]:
    """The operations of one rank; ``labels`` are in the order of their starts."""
    sends = _Messages(event for _, event in trace.events if event.name == _SEND)
    receives = _Messages(event for _, event in trace.events if event.name == _RECEIVE)
    arrivals: dict[object, Extent] = {}
    pieces: list[Piece] = []
    for each in labels:
        label = each.label
        if label.operation in COMPUTE:
            pieces += _computed(each, sends.inside(label), receives.inside(label), arrivals.get(needs(each)))
            continue
        posted = {"SEND": sends, "RECV": receives}.get(label.operation[:4])
        extent = (posted.inside(label) if posted else None) or whole(label)
        arrivals[received(each)] = extent
        pieces.append(piece(each, label.operation, extent))
    return pieces


def _computed(each: Numbered, sent: Extent | None, own: Extent | None, before: Extent | None) -> list[Piece]:
    """The computing and the messages of a label; ``own`` and ``before`` are its receive, posted inside or before it."""
    label = each.label
    arrival = max((extent.end for extent in (own, before) if extent), default=label.start)
    start = min(max(label.start, arrival), label.end)
    end = sent.start if sent and sent.start >= start else label.end
    pieces = [piece(each, label.operation, Extent(start, end))]
    if own and label.operation in RECEIVES:
        pieces.append(piece(each, RECEIVES[label.operation], own))
    if sent and label.operation in SENDS:
        pieces.append(piece(each, SENDS[label.operation], sent))
    return pieces
