"""What the schedules of ``torch.distributed.pipelining`` write into a trace: a label around each action.

    Forward 3, Backward 3        of schedules with one stage a rank
    PP:0F3, PP:1RECV_F0          of schedules that run by ``_PipelineScheduleRuntime``

``Schedule1F1B`` writes none.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pipebench.errors import CorruptRecordError
from pipebench.foreign.torch_profiler.events import Event, Trace

_SINGLE = re.compile(r"(Forward|Backward) (\d{1,9})", re.ASCII)
_ACTION = re.compile(r"PP:(\d{1,9})([A-Z][A-Z_]*?)(\d{1,9})?", re.ASCII)
_STEP = re.compile(r"ProfilerStep#(\d{1,9})", re.ASCII)
_OPTIMIZER = "Optimizer.step#"
_TOGETHER = "OVERLAP_F_B"
_CATEGORY = "user_annotation"
OPTIMIZER = "OPTIMIZER"


class Label(NamedTuple):
    """One label of a rank.

    Args:
        operation: as in the text form of an action; ``OPTIMIZER`` for the optimizer's step.
        stage: ``None`` where the label does not say: the rank has one.
        microbatch: ``None`` where the operation has none.
        start: when it starts, in microseconds of this trace.
        end: when it ends, likewise.
        number: the number of the event in its file.
    """

    operation: str
    stage: int | None
    microbatch: int | None
    start: float
    end: float
    number: int

    @property
    def key(self) -> tuple[str, int | None, int | None]:
        """What the label is of, whatever its times."""
        return self[:3]


class Window(NamedTuple):
    """A ``ProfilerStep#number``, in microseconds of its trace."""

    number: int
    start: float
    end: float


def labels_of(trace: Trace) -> list[Label]:
    """All labels, in the order of their starts.

    Raises:
        CorruptRecordError: There are none, or some that run two actions as one.
    """
    found = [label for number, event in _annotations(trace) if (label := _label(event, number, trace.path))]
    if not any(label.operation != OPTIMIZER for label in found):
        raise CorruptRecordError(
            f"{trace.path}: expected labels of torch.distributed.pipelining (Forward 0, PP:0F0), got none; "
            "Schedule1F1B writes no labels: run its order through _PipelineScheduleRuntime, which does"
        )
    return sorted(found, key=lambda label: (label.start, -label.end))


def windows_of(trace: Trace) -> list[Window]:
    """The steps that the profiler was told of, in the order of their starts."""
    matched = ((_STEP.fullmatch(event.name), event) for _, event in _annotations(trace))
    return sorted(
        (Window(int(match[1]), event.ts, event.end) for match, event in matched if match),
        key=lambda window: window.start,
    )


def _annotations(trace: Trace) -> list[tuple[int, Event]]:
    return [each for each in trace.events if each[1].cat == _CATEGORY]


def _label(event: Event, number: int, where: str) -> Label | None:
    name = event.name
    if single := _SINGLE.fullmatch(name):
        return Label(single[1][0], None, int(single[2]), event.ts, event.end, number)
    if name.startswith(_OPTIMIZER):
        return Label(OPTIMIZER, None, None, event.ts, event.end, number)
    if name.startswith("PP:") and name.endswith(_TOGETHER):
        raise CorruptRecordError(
            f"{where} event {number}: expected a label of one action, got {name}, a forward and a backward as one; "
            "schedules that overlap the two cannot be read"
        )
    if action := _ACTION.fullmatch(name):
        stage, operation, microbatch = action.groups()
        return Label(
            operation,
            int(stage),
            None if microbatch is None else int(microbatch),
            event.ts,
            event.end,
            number,
        )
    return None


def stages_of(labels: Sequence[Label]) -> frozenset[int]:
    """The stages that labels name; none of those that name none."""
    return frozenset(label.stage for label in labels if label.stage is not None)
