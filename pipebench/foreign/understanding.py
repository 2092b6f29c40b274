"""What rows mean: the plan that ran, checked against the rule, and a timeline of each step of each replica. Pure.

A step lasts from the start of its first forward to the end of its last backward. A recording that lacks something or
contradicts itself is refused, and the error names rows.

Clocks are read a little late or early. So it is taken for rounding if two operations of a device overlap by less than a
thousandth of the step, or if a result is used by less than that before it is there. Such rows stay as they are, in the
order in which they started, and are counted. Where they overlap, the device is busy once, so that busy, waiting,
transfer and idle time of each device sum to the step.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from pipebench.diagnosis.sentences import seconds_text
from pipebench.errors import CorruptRecordError, UsageError
from pipebench.foreign.numbering import Shape, shape_of
from pipebench.foreign.rows import COMPUTE, Recording, Row
from pipebench.foreign.times import EXACT_S, Key, Times, sent
from pipebench.plan.actions import Action, Operation
from pipebench.plan.check import check
from pipebench.plan.graph import Graph
from pipebench.plan.numbers import Numbers
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import messages_of
from pipebench.plurals import counted
from pipebench.system import garbage
from pipebench.timing.timeline import Span, Timeline, Usage

ROUNDING = 1e-3  # of a step
_OF_ANOTHER_RUN = "; is one of the files of another run?"


class Rounding(NamedTuple):
    """How many rows overlap, and how many results are used too early, by so little that it is rounding.

    ``most_s`` is the longest of these times.
    """

    overlaps: int = 0
    inversions: int = 0
    most_s: float = 0.0

    def __add__(self, other: "Rounding") -> "Rounding":  # type: ignore[override]
        return Rounding(
            self.overlaps + other.overlaps,
            self.inversions + other.inversions,
            max(self.most_s, other.most_s),
        )


@dataclass(frozen=True)
class RecordedStep:
    """A step of one replica; times of its timeline and of ``others`` are from the start of its first forward."""

    step: int
    replica: int
    timeline: Timeline
    others: tuple[Row, ...]

    @property
    def measured_s(self) -> float:
        """Seconds from the first forward's start to the last backward's end."""
        return self.timeline.makespan_s

    @cached_property
    def busy_s(self) -> float:
        """Busy seconds of all devices together; where two operations of a device overlap, it is busy once."""
        return sum(usage.busy_s for usage in self.usages)

    @cached_property
    def usages(self) -> list[Usage]:
        """Where the time of each device went."""
        return [self.timeline.usage(device) for device in range(self.timeline.graph.devices)]


@dataclass(frozen=True)
class Understood:
    """All steps of all replicas, which are of one graph."""

    recording: Recording
    graph: Graph
    steps: tuple[RecordedStep, ...]
    rounding: Rounding
    notices: tuple[str, ...]


def understand(recording: Recording) -> Understood:
    """Find the plan, and a timeline of each step.

    Raises:
        CorruptRecordError: Something is missing or contradicts itself; the text names rows.
    """
    with garbage.put_off():
        shape = shape_of(recording)
        reader = _Steps(recording, shape)
        steps = tuple(reader.step(*key, rows) for key, rows in sorted(_by_step(recording.rows).items()))
    rounding = sum(reader.roundings, Rounding())
    return Understood(
        recording, shape.graph, steps, rounding, (*recording.notices, *shape.notices, *_told(rounding))
    )


def _by_step(rows: Iterable[Row]) -> Mapping[tuple[int, int], list[Row]]:
    """The rows of each step and replica; a step without a forward or backward is left out."""
    found: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        found[row.step, row.replica].append(row)
    return {key: own for key, own in found.items() if any(row.operation in COMPUTE for row in own)}


def _told(rounding: Rounding) -> Iterator[str]:
    found = []
    if rounding.overlaps:
        them = "it on its" if rounding.overlaps == 1 else "them on their"
        found.append(f"{_begin(rounding.overlaps)} before the one before {them} device has ended")
    if rounding.inversions:
        need = "it needs" if rounding.inversions == 1 else "they need"
        found.append(f"{_begin(rounding.inversions)} before a result that {need} is there")
    if found:
        yield (
            f"{', and '.join(found)}, by {rounding.most_s * 1e6:.3g} us at most: taken for rounding of the recorder's "
            "clocks, and put in the order of their starts"
        )


def _begin(number: int) -> str:
    return f"{counted(number, 'operation')} {'begins' if number == 1 else 'begin'}"


class _Steps:
    """Turns rows into timelines; what is the same in all steps is found once."""

    def __init__(self, recording: Recording, shape: Shape) -> None:
        self.recording, self.shape, self.graph = recording, shape, shape.graph
        self.numbers = Numbers(shape.graph)
        self.actions = _Actions(self.numbers.every_action)
        self.messages = messages_of(shape.graph, self.numbers)
        self.sound: set[tuple[tuple[Action, ...], ...]] = set()
        self.roundings: list[Rounding] = []

    def step(self, step: int, replica: int, rows: Sequence[Row]) -> RecordedStep:
        """The timeline of one step, and its other operations."""
        compute = sorted(
            (row for row in rows if row.operation in COMPUTE), key=attrgetter("start_s", "end_s")
        )
        self.shape.check_whole(compute)
        begin_s, length_s = compute[0].start_s, max(row.end_s for row in compute) - compute[0].start_s
        if not length_s > 0 or all(row.end_s == row.start_s for row in compute):
            raise CorruptRecordError(
                f"{self.recording.place(compute[0])}: step {step} of replica {replica} takes no time: expected "
                "forwards and backwards of some length"
            )
        spans = [
            Span(
                self.graph.device_of[row.stage],
                self.actions[row.operation, row.stage, row.microbatch or 0],
                row.start_s - begin_s,
                row.end_s - begin_s,
            )
            for row in compute
        ]
        timeline = Timeline(self.graph, tuple(spans))
        times = Times(self.numbers, timeline)
        margin_s = ROUNDING * length_s
        self.roundings += [
            self._overlaps(timeline, compute, margin_s),
            self._inversions(times, compute, length_s),
        ]
        self._check_order(timeline.plan, step, replica)
        others = [row for row in rows if row.operation not in COMPUTE]
        sent_s = {key: at_s - begin_s for key, at_s in sent(others).items()}
        moved = (
            row._replace(
                device=self.shape.device(row), start_s=row.start_s - begin_s, end_s=row.end_s - begin_s
            )
            for row in others
        )
        transfers = times.transfers(self.messages, sent_s)
        return RecordedStep(step, replica, timeline.with_transfers(transfers), tuple(moved))

    def _overlaps(self, timeline: Timeline, compute: Sequence[Row], margin_s: float) -> Rounding:
        """Count the operations of a device that overlap; the spans are of these rows, in this order."""
        found = Rounding()
        for device in range(self.graph.devices):
            before, *spans = timeline.spans_of(device)
            for span in spans:
                if before.end_s - span.start_s > EXACT_S:
                    over_s = min(before.end_s, span.end_s) - span.start_s
                    if over_s > margin_s:
                        rows = [compute[timeline.spans.index(each)] for each in (before, span)]
                        raise CorruptRecordError(
                            f"{self.recording.place(rows[0])} and {self.recording.place(rows[1])}: device "
                            f"{rows[1].device} computes both at once for {seconds_text(over_s)}: expected one after "
                            "the other, to within a thousandth of the step"
                        )
                    found += Rounding(overlaps=1, most_s=before.end_s - span.start_s)
                if span.end_s > before.end_s:
                    before = span
        return found

    def _inversions(self, times: Times, compute: Sequence[Row], length_s: float) -> Rounding:
        """Count the results that are used before they are there."""
        found, margin_s = Rounding(), ROUNDING * length_s
        for needed, span, early_s in times.inverted():
            if early_s > margin_s:
                rows = [compute[times.timeline.spans.index(each)] for each in (needed, span)]
                raise CorruptRecordError(
                    f"{self.recording.place(rows[1])} begins {seconds_text(early_s)} before "
                    f"{self.recording.place(rows[0])} ends, whose result it needs: expected clocks that agree to a "
                    f"thousandth of the step{_OF_ANOTHER_RUN if early_s > length_s else ''}"
                )
            if needed.device != span.device:  # on one device they overlap, which is counted already
                found += Rounding(inversions=1, most_s=early_s)
        return found

    def _check_order(self, plan: Plan, step: int, replica: int) -> None:
        """Check an order against the rule of dependence, each order once."""
        if plan.programs in self.sound:
            return
        try:
            check(plan)
        except UsageError as error:
            raise CorruptRecordError(
                f"{self.recording.files[0].path}: step {step} of replica {replica}: its order cannot be run: {error}"
            ) from None
        self.sound.add(plan.programs)


class _Actions(dict[Key, Action]):
    """The actions of all rows, each made once: the same object is found faster.

    Args:
        units: those of the graph. Where it has backwards in halves, a whole backward is not among them.
    """

    def __init__(self, units: Iterable[Action]) -> None:
        super().__init__(((each.operation.value, each.stage, each.microbatch), each) for each in units)

    def __missing__(self, key: Key) -> Action:
        operation, stage, microbatch = key
        self[key] = found = Action(Operation(operation), stage, microbatch)
        return found
