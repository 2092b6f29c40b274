"""When the operations of a step began and ended, in arrays, so that the rule is evaluated for all at once. Pure.

Importing this module imports numpy.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf

import numpy as np

from pipebench.foreign.rows import SEND_BACKWARD, SEND_FORWARD, Row
from pipebench.plan.actions import Operation
from pipebench.plan.numbers import Numbers, rows
from pipebench.plan.transfers import Message
from pipebench.timing.timeline import Span, Timeline, Transfer

EXACT_S = 1e-12
Key = tuple[str, int, int]  # operation, stage, microbatch


class Times:
    """The times of one step; each of its units is in a span.

    Args:
        numbers: those of its graph.
        timeline: its spans.
    """

    def __init__(self, numbers: Numbers, timeline: Timeline) -> None:
        self.numbers, self.timeline = numbers, timeline
        units = numbers.every_action[: numbers.slices]
        self.spans = [*map(timeline.span_of.__getitem__, units)]
        self.starts = np.array([span.start_s for span in self.spans])
        self.ends = np.array([span.end_s for span in self.spans])

    def inverted(self) -> Iterator[tuple[Span, Span, float]]:
        """A span, one that needs its result but begins before it ends, and by how many seconds; the earliest first."""
        consumer, producer = self.numbers.inputs
        early_s = self.ends[producer] - self.starts[consumer]
        found = (early_s > EXACT_S).nonzero()[0]
        for place in found[self.starts[consumer[found]].argsort(kind="stable")].tolist():
            needed, span = self.spans[producer[place]], self.spans[consumer[place]]
            if needed is not span:  # halves of a backward that was recorded as a whole
                yield needed, span, float(early_s[place])

    def transfers(self, messages: Sequence[Message], sent_s: Mapping[Key, float]) -> tuple[Transfer, ...]:
        """The messages of the step, in order; each is on its way until its consumer began.

        Args:
            messages: all of the graph.
            sent_s: when results were sent, where that is known; the others were sent when their producers ended.
        """
        consumer, producer = self.numbers.messages
        ended_s, used_s = self.ends[producer], self.starts[consumer]
        ready_s = ended_s
        if sent_s:
            late_s = np.array([sent_s.get(_send_of(message), -inf) for message in messages])
            ready_s = np.minimum(np.maximum(ended_s, late_s), np.maximum(ended_s, used_s))
        begin = ready_s.tolist()
        return tuple(rows(Transfer, messages, begin, begin, np.maximum(used_s, ready_s).tolist()))


def sent(others: Iterable[Row]) -> dict[Key, float]:
    """When results were sent, from the rows that name a microbatch; the first time counts."""
    found: dict[Key, float] = {}
    for row in others:
        if row.operation in (SEND_FORWARD, SEND_BACKWARD) and row.microbatch is not None:
            key = row.operation, row.stage, row.microbatch
            found[key] = min(row.start_s, found.get(key, row.start_s))
    return found


def _send_of(message: Message) -> Key:
    """The operation, stage and microbatch of the row that sends a message."""
    operation, stage, microbatch, *_ = message.producer
    return SEND_FORWARD if operation is Operation.FORWARD else SEND_BACKWARD, stage, microbatch
