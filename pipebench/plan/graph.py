"""The graph: which actions a step consists of, where each runs, and what each needs.

Stages are numbered so that each feeds higher ones only. The first ones form a chain, which a schedule orders; they
keep state from one chunk to the next. The others (the pieces of a shared softmax, the loss) keep none.

Time is a row of segments (an encoder's, then a decoder's) of as many chunks each, and a stage lives in some of them. It
feeds another one where both live; its state crosses the border between two segments that it lives in.

The dependence rule stands here and nowhere else; ``F(s,m,c)`` is the forward of stage s on chunk c of
microbatch m:

    F(s,m,c)  needs  F(p,m,c)     the activations, of every stage p that feeds s in c's segment
                     F(s,m,c-1)   the state at the end of the chunk before, where s keeps any
    B(s,m,c)  needs  F(s,m,c)     what the forward saved
                     B(n,m,c)     the gradient of its output, of every stage n that s feeds in c's segment
                     B(s,m,c+1)   the gradient of the state it handed on, where s keeps any
    I(s,m,c)  as B, with I in the place of B
    W(s,m,c)  needs  I(s,m,c)

Where gradients are clipped, each device has its share of their norm to compute, which is work of no slice. It goes by
the lowest stage of the device:

    NORM(d)   needs  the last backward operation of every slice of every stage of the device
    TOTAL     needs  NORM(d) of every device; it stands where the first stage does, which ends last
    CLIP(d)   needs  TOTAL, before the device's update
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from math import inf
from typing import Any, Literal, NamedTuple

from pipebench.errors import UsageError
from pipebench.plan.actions import REDUCTIONS, Action, Operation

MOST_STAGES = 10_000
MOST_ACTIONS = 1_000_000  # of a step: on paper they take up to 2.4 GB of memory, and 10 to 35 s

_Where = Literal["fed_by", "feeds"]
_Neighbours = tuple[tuple[int, ...], ...]  # of each stage, lowest first


@dataclass(frozen=True, slots=True)
class Graph:
    """The work of one step.

    Args:
        stages: slices of the model, at least 1.
        microbatches: slices of the batch, at least 1.
        chunks: slices of the time axis of one microbatch, at least 1, in all segments together.
        device_of: the device of each stage (0-based); by default stage s runs on device s.
        split_backward: the backward is two actions, I and W, instead of one B.
        feeds: for each stage the stages that its output goes to, lowest first; by default a chain.
        chain: how many stages, from the first one, form the chain that a schedule orders, on devices 0, 1, 2, ...; by
            default all.
        work: what a forward of each stage costs, in any unit, for the places of the actions that no schedule
            orders; by default all the same.
        segments: of time, of as many chunks each.
        lives: for each stage the segments that it lives in, lowest first; by default all.
        clips: the norm of all gradients is computed before the update.
    """

    stages: int
    microbatches: int
    chunks: int = 1
    device_of: tuple[int, ...] = ()
    split_backward: bool = False
    feeds: _Neighbours = ()
    chain: int = 0
    work: tuple[float, ...] = ()
    segments: int = 1
    lives: _Neighbours = ()
    clips: bool = False
    _fed_by: _Neighbours = field(default=(), init=False, repr=False, compare=False)
    alive: tuple[tuple[bool, ...], ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("stages", "microbatches", "chunks", "segments"):
            value = getattr(self, name)
            if value < 1:
                raise UsageError(f"{name} must be at least 1, got {value}")
        if self.stages > MOST_STAGES:
            raise UsageError(f"expected at most {MOST_STAGES:,} stages, got {self.stages}")
        if self.stages * self.microbatches * self.chunks * len(self.operations) > MOST_ACTIONS:
            raise UsageError(
                f"{self.stages} stages x {self.microbatches} microbatches x {self.chunks} chunks: expected at most "
                f"{MOST_ACTIONS:,} actions a step, forwards and backwards"
            )
        every = range(self.stages)
        self._default("device_of", tuple(every))
        self._default("feeds", (*((stage + 1,) for stage in every[:-1]), ()))
        self._default("chain", self.stages)
        self._default("work", (1.0,) * self.stages)
        self._default("lives", (tuple(range(self.segments)),) * self.stages)
        self._check()
        self._check_segments()
        object.__setattr__(self, "_fed_by", _turned(self.feeds))
        alive = tuple(
            tuple(self.segment_of(chunk) in lives for chunk in range(self.chunks)) for lives in self.lives
        )
        object.__setattr__(self, "alive", alive)

    def _default(self, name: str, value: object) -> None:
        if not getattr(self, name):
            object.__setattr__(self, name, value)

    def _check(self) -> None:
        for name, what in (("device_of", "a device"), ("feeds", "the stages fed"), ("work", "a cost")):
            if len(getattr(self, name)) != self.stages:
                raise UsageError(
                    f"expected {what} for each of {self.stages} stages, got {len(getattr(self, name))}"
                )
        if set(self.device_of) != set(range(max(self.device_of) + 1)):
            raise UsageError(f"devices must be 0, 1, 2, ... without gaps, got {self.device_of}")
        for stage, fed in enumerate(self.feeds):
            if any(not low < high for low, high in pairwise((stage, *fed))) or (
                fed and fed[-1] >= self.stages
            ):
                raise UsageError(
                    f"a stage feeds stages above it, lowest first: expected numbers from {stage + 1} to "
                    f"{self.stages - 1} for stage {stage}, got {fed}"
                )
        if not all(0 <= cost < inf for cost in self.work):
            raise UsageError(f"a stage's work must be a finite number, at least 0, got {self.work}")
        if not 1 <= self.chain <= self.stages:
            raise UsageError(f"expected a chain of 1 to {self.stages} stages, got {self.chain}")
        for stage in range(self.chain - 1):
            if self.feeds[stage] != (stage + 1,):
                raise UsageError(
                    f"stage {stage} of the chain feeds {stage + 1} alone, got {self.feeds[stage]}"
                )

    def _check_segments(self) -> None:
        if self.chunks % self.segments:
            raise UsageError(
                f"{self.segments} segments of time: expected as many chunks each, got {self.chunks} in all"
            )
        if len(self.lives) != self.stages:
            raise UsageError(f"expected segments for each of {self.stages} stages, got {len(self.lives)}")
        for stage, lives in enumerate(self.lives):
            if not lives or list(lives) != sorted(set(lives) & set(range(self.segments))):
                raise UsageError(
                    f"a stage lives in segments of time, lowest first: expected some of 0 to {self.segments - 1} for "
                    f"stage {stage}, got {lives}"
                )

    @property
    def is_chain(self) -> bool:
        """Whether every stage feeds the next one, and a schedule orders them all."""
        return self.chain == self.stages

    @property
    def chain_alone(self) -> "Graph":
        """What a schedule orders: the chain with nothing beside it, and no work beyond its slices'."""
        if self.is_chain and not self.clips:
            return self
        return Graph(
            self.chain,
            self.microbatches,
            self.chunks,
            device_of=self.device_of[: self.chain],
            split_backward=self.split_backward,
            segments=self.segments,
            lives=self.lives[: self.chain],
        )

    @property
    def chunks_each(self) -> int:
        """Of a segment of time."""
        return self.chunks // self.segments

    def segment_of(self, chunk: int) -> int:
        """The segment of time that a chunk is in."""
        return chunk // self.chunks_each

    def chunks_of(self, stage: int) -> list[int]:
        """The chunks of the segments that a stage lives in."""
        return [chunk for chunk, alive in enumerate(self.alive[stage]) if alive]

    @property
    def devices(self) -> int:
        """How many devices the stages run on."""
        return max(self.device_of) + 1

    @property
    def last_stage(self) -> int:
        """The stage that computes the loss."""
        return self.stages - 1

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The compute operations that every (stage, microbatch, chunk) goes through, in order."""
        if self.split_backward:
            return Operation.FORWARD, Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT
        return Operation.FORWARD, Operation.BACKWARD

    def stages_of(self, device: int) -> tuple[int, ...]:
        """The stages that run on ``device``, lowest first."""
        return tuple(stage for stage, owner in enumerate(self.device_of) if owner == device)

    def fed_by(self, stage: int) -> tuple[int, ...]:
        """The stages whose output goes to this one, lowest first."""
        return self._fed_by[stage]

    def neighbours(self, where: _Where) -> _Neighbours:
        """What the rule walks along: for each stage those that feed it, or those that it feeds."""
        return self.feeds if where == "feeds" else self._fed_by

    def device(self, action: Action) -> int:
        """Where an action runs."""
        return self.device_of[action.stage]

    def text(self, action: Action) -> str:
        """The text form of an action of this graph."""
        return action.text(of_chunks=self.chunks)

    def has(self, action: Action) -> bool:
        """Whether an action of these stages and slices exists: its stage lives then, in any of a cell's chunks."""
        return any(self.alive[action.stage][action.chunk : action.chunk + action.chunks])

    def actions(self) -> Iterator[Action]:
        """Every compute action of a step, in no particular order."""
        for operation in self.operations:
            for stage in range(self.stages):
                chunks = self.chunks_of(stage)
                for microbatch in range(self.microbatches):
                    for chunk in chunks:
                        yield Action(operation, stage, microbatch, chunk)
        for operation in REDUCTIONS:
            for stage in self.reducing(operation):
                yield Action(operation, stage, 0)

    def reducing(self, operation: Operation) -> list[int]:
        """The stages by which a reduction goes: the lowest of each device, or the first one."""
        if not self.clips:
            return []
        return [0] if operation is Operation.TOTAL else [self.stages_of(d)[0] for d in range(self.devices)]


def _turned(feeds: _Neighbours) -> _Neighbours:
    """For each stage those that feed it, lowest first."""
    fed_by: list[list[int]] = [[] for _ in feeds]
    for stage, fed in enumerate(feeds):
        for other in fed:
            fed_by[other].append(stage)
    return tuple(map(tuple, fed_by))


class _Edge(NamedTuple):
    """The input of an action: ``operation`` on the same microbatch.

    Of the same stage, so many chunks away, or of all stages ``where`` on the same chunk.
    """

    operation: Operation
    where: _Where | None = None
    chunk: int = 0


_F, _B, _I = Operation.FORWARD, Operation.BACKWARD, Operation.BACKWARD_INPUT
_RULE: dict[Operation, tuple[_Edge, ...]] = {
    Operation.FORWARD: (_Edge(_F, "fed_by"), _Edge(_F, chunk=-1)),
    Operation.BACKWARD: (_Edge(_F), _Edge(_B, "feeds"), _Edge(_B, chunk=+1)),
    Operation.BACKWARD_INPUT: (_Edge(_F), _Edge(_I, "feeds"), _Edge(_I, chunk=+1)),
    Operation.BACKWARD_WEIGHT: (_Edge(_I),),
}


def input_edges(
    graph: Graph, operation: Operation, stage: Any, microbatch: Any, chunk: Any
) -> Iterator[tuple[Operation, Any, Any, Any, Any]]:
    """Evaluate the rule for one action (integers) or for many of one operation (equal-shaped arrays).

    Yields ``(operation, stage, microbatch, chunk, exists)`` for each input that the rule names;
    ``exists`` is false (element by element for arrays) where it lies outside the graph.
    """
    for edge in _RULE[operation]:
        if edge.where is not None:
            for at_stage in _in_turn(graph.neighbours(edge.where), stage):
                exists = (at_stage >= 0) & _is_alive(graph, at_stage, chunk)
                yield edge.operation, at_stage, microbatch, chunk, exists
        elif edge.chunk:
            at_chunk = chunk + edge.chunk
            inside = (at_chunk >= 0) & (at_chunk < graph.chunks) & (stage < graph.chain)
            yield edge.operation, stage, microbatch, at_chunk, inside & _is_alive(graph, stage, at_chunk)
        else:
            yield edge.operation, stage, microbatch, chunk, stage >= 0


def _is_alive(graph: Graph, stage: Any, chunk: Any) -> Any:
    """Whether a stage lives at a chunk; anything where there is no such stage or chunk."""
    if isinstance(stage, int):
        return stage < 0 or graph.alive[stage][chunk % graph.chunks]
    import numpy as np  # noqa: PLC0415 - whoever has arrays has it loaded

    return np.asarray(graph.alive)[stage, chunk % graph.chunks]


def _reduction_inputs(graph: Graph, operation: Operation, stage: int) -> Iterator[Action]:
    """The rule for work of no slice."""
    if operation is Operation.NORM:
        for neighbour in graph.stages_of(graph.device_of[stage]):
            for microbatch in range(graph.microbatches):
                for chunk in graph.chunks_of(neighbour):
                    yield Action(graph.operations[-1], neighbour, microbatch, chunk)
    elif operation is Operation.TOTAL:
        for other in graph.reducing(Operation.NORM):
            yield Action(Operation.NORM, other, 0)
    else:
        yield Action(Operation.TOTAL, 0, 0)


def _in_turn(neighbours: _Neighbours, stage: Any) -> Iterable[Any]:
    """A stage's neighbours; of an array of stages all first ones, all second ones, ..., -1 where one has no more."""
    if isinstance(stage, int):
        return neighbours[stage]
    import numpy as np  # noqa: PLC0415 - whoever has arrays has it loaded

    asked = np.flatnonzero(np.bincount(stage, minlength=len(neighbours)))
    columns = zip_longest(*(neighbours[each] for each in asked), fillvalue=-1)
    places = np.zeros(len(neighbours), int)
    places[asked] = np.arange(len(asked))
    return (np.asarray(column)[places[stage]] for column in columns)


def inputs_of(graph: Graph, action: Action) -> list[Action]:
    """The actions whose results ``action`` needs: the only statement of data dependence in the project."""
    if action.operation in REDUCTIONS:
        return list(_reduction_inputs(graph, action.operation, action.stage))
    return [Action(*needed) for *needed, exists in input_edges(graph, *action[:4]) if exists]
