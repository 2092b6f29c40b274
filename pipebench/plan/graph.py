"""The graph: which actions a step consists of, where each runs, and what each needs.

Stages are numbered so that each feeds higher ones only. The first ones form a chain, which a schedule orders; they
keep state from one chunk to the next. The others (the pieces of a shared softmax, the loss) keep none.

The dependence rule stands here and nowhere else; ``F(s,m,c)`` is the forward of stage s on chunk c of
microbatch m:

    F(s,m,c)  needs  F(p,m,c)     the activations, of every stage p that feeds s
                     F(s,m,c-1)   the state at the end of the chunk before, where s keeps any
    B(s,m,c)  needs  F(s,m,c)     what the forward saved
                     B(n,m,c)     the gradient of its output, of every stage n that s feeds
                     B(s,m,c+1)   the gradient of the state it handed on, where s keeps any
    I(s,m,c)  as B, with I in the place of B
    W(s,m,c)  needs  I(s,m,c)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from math import inf
from typing import Any, Literal, NamedTuple

from pipebench.errors import UsageError
from pipebench.plan.actions import Action, Operation

MOST_STAGES = 10_000
MOST_ACTIONS = 1_000_000  # of a step: on paper they take 1.5 GB of memory, and minutes

_Where = Literal["fed_by", "feeds"]
_Neighbours = tuple[tuple[int, ...], ...]  # of each stage, lowest first


@dataclass(frozen=True, slots=True)
class Graph:
    """The work of one step.

    Args:
        stages: slices of the model, at least 1.
        microbatches: slices of the batch, at least 1.
        chunks: slices of the time axis of one microbatch, at least 1.
        device_of: the device of each stage (0-based); by default stage s runs on device s.
        split_backward: the backward is two actions, I and W, instead of one B.
        feeds: for each stage the stages that its output goes to, lowest first; by default a chain.
        chain: how many stages, from the first one, form the chain that a schedule orders, on devices 0, 1, 2, ...; by
            default all.
        work: what a forward of each stage costs, in any unit, for the places of the actions that no schedule
            orders; by default all the same.
    """

    stages: int
    microbatches: int
    chunks: int = 1
    device_of: tuple[int, ...] = ()
    split_backward: bool = False
    feeds: _Neighbours = ()
    chain: int = 0
    work: tuple[float, ...] = ()
    _fed_by: _Neighbours = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("stages", "microbatches", "chunks"):
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
        self._check()
        object.__setattr__(self, "_fed_by", _turned(self.feeds))

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

    @property
    def is_chain(self) -> bool:
        """Whether every stage feeds the next one, and a schedule orders them all."""
        return self.chain == self.stages

    @property
    def chain_alone(self) -> "Graph":
        """What a schedule orders: the chain with nothing beside it."""
        if self.is_chain:
            return self
        return Graph(
            self.chain,
            self.microbatches,
            self.chunks,
            device_of=self.device_of[: self.chain],
            split_backward=self.split_backward,
        )

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
        return action.text(chunks=self.chunks > 1)

    def actions(self) -> Iterator[Action]:
        """Every compute action of a step, in no particular order."""
        for operation in self.operations:
            for stage in range(self.stages):
                for microbatch in range(self.microbatches):
                    for chunk in range(self.chunks):
                        yield Action(operation, stage, microbatch, chunk)


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
                yield edge.operation, at_stage, microbatch, chunk, at_stage >= 0
        elif edge.chunk:
            at_chunk = chunk + edge.chunk
            inside = (at_chunk >= 0) & (at_chunk < graph.chunks) & (stage < graph.chain)
            yield edge.operation, stage, microbatch, at_chunk, inside
        else:
            yield edge.operation, stage, microbatch, chunk, stage >= 0


def _in_turn(neighbours: _Neighbours, stage: Any) -> Sequence[Any]:
    """A stage's neighbours; of an array of stages all first ones, all second ones, ..., -1 where one has no more."""
    if isinstance(stage, int):
        return neighbours[stage]
    import numpy as np  # noqa: PLC0415 - whoever has arrays has it loaded

    return [np.asarray(column)[stage] for column in zip_longest(*neighbours, fillvalue=-1)]


def inputs_of(graph: Graph, action: Action) -> list[Action]:
    """The actions whose results ``action`` needs: the only statement of data dependence in the project."""
    return [Action(*needed) for *needed, exists in input_edges(graph, *action[:4]) if exists]
