"""What a recorded step would gain from other slices or another schedule, by simulation. Pure.

The same simulator runs the plan that the record has and the one it would have, both with every slice of a stage as long
as its mean, so that only the change counts. What more slices cost is a straight line through the two points that are
known: the baseline's step in one piece, and the record's slices. It is a prediction, and told as one.

Where the backward is in halves, or a step has cells, it is not known what halves or cells of other slices would take,
or in what order another schedule would run them. Then only another partition of the same plan is predicted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from statistics import fmean, median_low
from typing import NamedTuple

from pipebench.config.divisors import divisor_above, largest_divisor
from pipebench.diagnosis.step import Step
from pipebench.errors import UsageError
from pipebench.models.outline import Row
from pipebench.models.partition import balanced
from pipebench.models.registry import MODELS
from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.cells import on_each_slice
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import Message, messages_of
from pipebench.records.run import RunRecord
from pipebench.timing.means import even, stage_means
from pipebench.timing.replay import Replay

MOST_ACTIONS = 6_000  # of a step: a dozen plans are made and simulated, which takes seconds for larger ones
_WORTH_IT = 1.005  # times as fast: less is not worth acting on
_TWICE = 2
_OVERLAPPING = "gpipe"  # proposed with more slices, where the record's schedule takes only one
_FACTORS = (4, _TWICE)

Changes = Mapping[str, object]
_Kind = tuple[Operation, int]  # operation, segment
_StageKind = tuple[Operation, int, int]  # with the stage between them


class Gain(NamedTuple):
    """Options of ``run`` to change, and how many times as fast a step would be.

    ``larger`` says that the step is one of a larger batch: then ``times`` is how many times as large the throughput is.
    ``at_most`` says that the gain may be smaller, since it is not known what more slices cost.
    """

    changes: Changes
    times: float
    larger: bool = False
    at_most: bool = False


class Predictions:
    """What other schedules and slices would make of one record's step.

    Args:
        record: the record of a completed run.
        step: its step, of at most ``MOST_ACTIONS`` actions.
    """

    def __init__(self, record: RunRecord, step: Step) -> None:
        graph, replay = step.replay.plan.graph, step.replay
        self.foresees = not (graph.split_backward or any(action.slices > 1 for action in replay.lengths))
        self.config, self.replay = record.config, replay
        self.means = stage_means(graph, replay.lengths)
        self.reductions = {a: s for a, s in replay.lengths.items() if a.operation in REDUCTIONS}
        self.slices = graph.microbatches * graph.chunks_each
        self.graph = replace(graph, work=_work(graph, replay))
        self.latency_s = _latency_s(record)
        self.messages = _usual_messages(replay)
        self.work_s = sum(s for a, s in replay.lengths.items() if a.operation not in REDUCTIONS)
        self.baseline_devices = step.measured.baseline_devices
        self.slice_s = _slice_s(record, step, self.work_s, self.slices)
        self.now_s = self.step_s(record.config.schedule, self.graph)

    def fewer_slices(self) -> Gain | None:
        """The best of fewer slices, if it is faster."""
        return self._other_slices(lambda slices: slices < self.slices)

    def more_slices(self) -> Gain | None:
        """The best of more slices, if it is faster; only an upper bound if the cost of a slice is not known."""
        found = self._other_slices(lambda slices: slices > self.slices, free=self.slices == 1)
        return None if found is None else found._replace(at_most=self.slice_s is None)

    def larger_slices(self) -> Gain | None:
        """Twice the batch in as many slices, if the throughput is larger."""
        return self._twice_the_batch(self.graph)

    def more_of_the_same(self) -> Gain | None:
        """Twice the batch in twice as many slices of today's size, if the throughput is larger."""
        more = replace(self.graph, microbatches=_TWICE * self.graph.microbatches)
        return self._twice_the_batch(more)

    def other_schedule(self) -> Gain | None:
        """The best of the other schedules on the same slices, if one is faster; those that need halves are left out."""
        if not self.foresees:
            return None
        return _best(
            Gain({"schedule": name, **self._cut(schedule.chunks)}, self.now_s / self.step_s(name, self.graph))
            for name, schedule in SCHEDULES.items()
            if name != self.config.schedule
            and not (schedule.single or schedule.splits_backward)
            and self._takes(name)
        )

    def balanced(self) -> Gain | None:
        """The balanced partition, if it is faster. A layer costs the median of the stages; both ends cost more."""
        partition, layers = self.config.partition, sum(self.config.partition or ())
        if not partition or len(partition) != self.graph.chain or layers <= len(partition):
            return None
        if self.config.model is not None and self.config.model.name not in MODELS:
            return None  # layers of the user's own need not cost the same
        layer = self._layer()
        ends = {stage: self._beyond(stage, count, layer) for stage, count in enumerate(partition)}
        first, last = ends[0], ends[len(partition) - 1]
        row = Row(layers, head="head" if self.graph.is_chain else "")
        better = balanced(
            row,
            [sum(layer.values())] * layers,
            len(partition),
            opening=sum(first.values()),
            head=sum(last.values()) if len(partition) > 1 else 0.0,
        )
        means = dict(self.means)
        for stage, count in enumerate(better):
            for kind in layer:
                means[kind[0], stage, kind[1]] = count * layer[kind] + ends[stage][kind]
        step_s = self.step_s(self.config.schedule, self.graph, means=means)
        return _best(iter([Gain({"partition": "balanced"}, self.now_s / step_s)]))

    def _layer(self) -> dict[_Kind, float]:
        """Seconds of a layer by operation and segment: the median of the stages' means."""
        found: dict[_Kind, list[float]] = defaultdict(list)
        for stage, count in enumerate(self.config.partition or ()):
            for (operation, at, segment), each_s in self.means.items():
                if at == stage and count:
                    found[operation, segment].append(each_s / count)
        return {kind: median_low(seconds) for kind, seconds in found.items()}

    def _beyond(self, stage: int, count: int, layer: Mapping[_Kind, float]) -> dict[_Kind, float]:
        """Seconds that a stage at an end of the model takes beyond its layers; 0 for stages in between."""
        if stage not in (0, self.graph.chain - 1):
            return dict.fromkeys(layer, 0.0)
        return {
            (operation, segment): max(self.means.get((operation, stage, segment), 0.0) - count * each_s, 0.0)
            for (operation, segment), each_s in layer.items()
        }

    def _twice_the_batch(self, graph: Graph) -> Gain | None:
        schedule = self.config.schedule
        if not self.foresees or self.slice_s is None or SCHEDULES[schedule].single or graph.devices == 1:
            return None
        step_s = self.step_s(schedule, graph, batches=_TWICE)
        changes = {"batch": _TWICE * self.config.batch, "microbatches": graph.microbatches}
        return _best(iter([Gain(changes, _TWICE * self.now_s / step_s, larger=True)]))

    def _cut(self, usual_chunks: int) -> Changes:
        """Today's slices, as options; chunks are left out if they are the schedule's own."""
        chunks = self.graph.chunks_each
        own = {} if chunks == usual_chunks else {"chunks": chunks}
        return {"microbatches": self.graph.microbatches, **own}

    def _takes(self, schedule: str) -> bool:
        try:
            SCHEDULES[schedule].plan(self.graph)
        except UsageError:
            return False
        return True

    def _other_slices(self, wanted: Callable[[int], bool], *, free: bool = False) -> Gain | None:
        """The best of the wanted cuts; with ``free``, a slice of unknown cost costs nothing."""
        if not self.foresees:
            return None
        if self.slice_s is None and not (free and self.baseline_devices == 1):
            return None
        return _best(
            Gain(changes, self.now_s / self.step_s(str(changes.get("schedule", self.config.schedule)), graph))
            for changes, graph in self._cuts()
            if wanted(graph.microbatches * graph.chunks_each)
        )

    def _cuts(self) -> Iterator[tuple[Changes, Graph]]:
        """Other slices that this batch and this time can be cut into."""
        graph, config = self.graph, self.config
        single = SCHEDULES[config.schedule].single
        other: Changes = {"schedule": _OVERLAPPING} if single else {}
        for microbatches in _neighbours(graph.microbatches, config.batch):
            yield {**other, "microbatches": microbatches}, replace(graph, microbatches=microbatches)
        for chunks in _neighbours(graph.chunks_each, config.sequence_length or 1) if not single else ():
            yield {"chunks": chunks}, replace(graph, chunks=chunks * graph.segments)

    def step_s(
        self,
        schedule: str,
        graph: Graph,
        *,
        batches: int = 1,
        means: Mapping[_StageKind, float] | None = None,
    ) -> float:
        """Seconds of a step of ``batches`` batches, with all slices of a stage alike and all else as it was."""
        lasts = self.means if means is None else means
        slices = graph.microbatches * graph.chunks_each
        shrunk = batches * self.slices / slices  # work and bytes of a slice
        per_slice_s = self.slice_s or 0.0
        work_s = batches * (self.work_s - per_slice_s * self.slices) + per_slice_s * slices
        dearer = work_s / (batches * self.work_s) if self.work_s else 1.0
        plan = SCHEDULES[schedule].plan(graph) if self.foresees else self.replay.plan
        lengths = {
            action: self.reductions[action]
            if action.operation in REDUCTIONS
            else _lasting(graph, action, lasts) * shrunk * dearer
            for action in chain.from_iterable(plan.programs)
        }
        messages = {message: self._message_s(message, shrunk) for message in messages_of(graph)}
        return replace(
            self.replay, plan=plan, lengths=lengths, overheads={}, messages=messages, gaps={}
        ).again.makespan_s

    def _message_s(self, message: Message, shrunk: float) -> float:
        """Seconds of a message; where the link's latency is known, the time beyond it shrinks with the slices."""
        usual_s = self.messages.get(_kind_of(message), 0.0)
        if self.latency_s is None or message.producer.operation in REDUCTIONS:
            return usual_s
        latency_s = min(self.latency_s, usual_s)
        return latency_s + (usual_s - latency_s) * shrunk


def _lasting(graph: Graph, action: Action, means: Mapping[_StageKind, float]) -> float:
    """How long an action takes by what its stage's slices take, a cell as long as its slices together."""
    return sum(
        means[each.operation, each.stage, graph.segment_of(each.chunk)]
        for each in on_each_slice(graph, action)
    )


def _best(gains: Iterator[Gain]) -> Gain | None:
    best = max(gains, key=lambda gain: gain.times, default=None)
    return best if best is not None and best.times >= _WORTH_IT else None


def _neighbours(count: int, size: int) -> list[int]:
    """About a half, a quarter, twice and four times as many, as divisors of what is cut; none if it is cut unevenly."""
    if size % count:  # cut unevenly
        return []
    fewer = [largest_divisor(size, count // factor) for factor in _FACTORS if count >= factor]
    more = [divisor_above(size, count * factor) for factor in reversed(_FACTORS) if count * factor <= size]
    return [each for each in dict.fromkeys((*fewer, *more)) if each != count]


def _work(graph: Graph, replay: Replay) -> tuple[float, ...]:
    """Mean seconds of a forward of each stage, by which the graph places a shared softmax."""
    lengths = even(graph, replay.lengths)
    forwards: dict[int, list[float]] = defaultdict(list)
    for action, each_s in lengths.items():
        if action.operation is Operation.FORWARD:
            forwards[action.stage].append(each_s / len(on_each_slice(graph, action)))
    return tuple(fmean(forwards[stage]) for stage in range(graph.stages))


def _kind_of(message: Message) -> tuple[object, ...]:
    return message.producer.operation, message.producer.stage, message.consumer.stage


def _usual_messages(replay: Replay) -> dict[tuple[object, ...], float]:
    found: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for message, each_s in replay.messages.items():
        found[_kind_of(message)].append(each_s)
    return {kind: fmean(seconds) for kind, seconds in found.items()}


def _latency_s(record: RunRecord) -> float | None:
    """The latency of an emulated machine's link, at this host's scale."""
    if record.machine is None or record.machine.link is None:
        return None
    return record.machine.link.host_latency_s


def _slice_s(record: RunRecord, step: Step, work_s: float, slices: int) -> float | None:
    """Seconds that one more slice costs all devices together; ``None`` where two points are not known.

    For a step in one piece the baseline's race tells: the form with the whole batch against the one with most
    microbatches.
    """
    if step.measured.baseline_devices > 1 or record.baseline is None:
        return None
    other_s = step.replay.around_s + sum(
        s for action, s in step.replay.lengths.items() if action.operation in REDUCTIONS
    )
    if slices > 1:
        return max((work_s + other_s) / step.measured.shared - step.measured.baseline_step_s, 0.0) / (
            slices - 1
        )
    best = {each.microbatches: min(each.step_s) for each in record.baseline.candidates if each.step_s}
    whole_s, most = best.get(1), max(best, default=1)
    return None if whole_s is None or most == 1 else max(best[most] - whole_s, 0.0) / (most - 1)
