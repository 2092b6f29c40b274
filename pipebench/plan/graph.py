"""The graph: which actions a step consists of, and where each one runs. ``plan.dependence`` says what each one needs.

Stages are numbered so that each one feeds only higher ones. The first stages form a chain, which a schedule orders.
They keep state from one chunk to the next. The other stages (the pieces of a shared softmax, the loss) keep no state.

Time is a row of segments (an encoder's, then a decoder's) with the same number of chunks each. A stage lives in some of
them. It feeds another stage only in segments in which both live. Its state goes on from a segment to the next if it
lives in both.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Literal

from pipebench.errors import UsageError
from pipebench.plan.actions import REDUCTIONS, Action, Operation

MOST_STAGES = 10_000
MOST_ACTIONS = 1_000_000  # in a step: on paper they take up to 2.4 GB of memory, and 10 to 35 s

Where = Literal["fed_by", "feeds"]
Neighbours = tuple[tuple[int, ...], ...]  # the neighbours of each stage, lowest first


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
        work: what a forward of each stage costs, in any unit. It helps to place the actions that no schedule
            orders; by default all stages cost the same.
        segments: the number of segments of time, with the same number of chunks each.
        lives: for each stage the segments that it lives in, lowest first; by default all.
        clips: whether the norm of all gradients is computed before the update.

    Raises:
        UsageError: A size is too small or too large, or the fields do not fit together.
    """

    stages: int
    microbatches: int
    chunks: int = 1
    device_of: tuple[int, ...] = ()
    split_backward: bool = False
    feeds: Neighbours = ()
    chain: int = 0
    work: tuple[float, ...] = ()
    segments: int = 1
    lives: Neighbours = ()
    clips: bool = False
    _fed_by: Neighbours = field(default=(), init=False, repr=False, compare=False)
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
        """The graph that a schedule orders: only the chain, without work of no slice."""
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
        """The number of chunks of a segment of time."""
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

    def neighbours(self, where: Where) -> Neighbours:
        """For each stage the stages that feed it, or those that it feeds."""
        return self.feeds if where == "feeds" else self._fed_by

    def device(self, action: Action) -> int:
        """The device on which an action runs."""
        return self.device_of[action.stage]

    def text(self, action: Action) -> str:
        """The text form of an action of this graph."""
        return action.text(of_chunks=self.chunks)

    def has(self, action: Action) -> bool:
        """Whether an action exists: its stage lives at its chunk or, for a cell, at any of its chunks."""
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
        """The stages that name the actions of a reduction: the lowest of each device, or only stage 0."""
        if not self.clips:
            return []
        return [0] if operation is Operation.TOTAL else [self.stages_of(d)[0] for d in range(self.devices)]


def _turned(feeds: Neighbours) -> Neighbours:
    """For each stage the stages that feed it, lowest first."""
    fed_by: list[list[int]] = [[] for _ in feeds]
    for stage, fed in enumerate(feeds):
        for other in fed:
            fed_by[other].append(stage)
    return tuple(map(tuple, fed_by))
