"""The graph: which actions a step consists of, where each runs, and what each needs.

The dependence rule stands here and nowhere else; ``F(s,m,c)`` is the forward of stage s on chunk c of
microbatch m:

    F(s,m,c)  needs  F(s-1,m,c)   the activations of the stage below
                     F(s,m,c-1)   the state at the end of the chunk before
    B(s,m,c)  needs  F(s,m,c)     what the forward saved
                     B(s+1,m,c)   the gradient of its output
                     B(s,m,c+1)   the gradient of the state it handed on
    I(s,m,c)  as B, with I in the place of B
    W(s,m,c)  needs  I(s,m,c)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipebench.errors import UsageError
from pipebench.plan.actions import Action, Operation

MOST_STAGES = 10_000
MOST_ACTIONS = 1_000_000  # of a step: on paper they take 1.5 GB of memory, and minutes


@dataclass(frozen=True, slots=True)
class Graph:
    """The work of one step.

    Args:
        stages: slices of the model, at least 1.
        microbatches: slices of the batch, at least 1.
        chunks: slices of the time axis of one microbatch, at least 1.
        device_of: the device of each stage (0-based); by default stage s runs on device s.
        split_backward: the backward is two actions, I and W, instead of one B.
    """

    stages: int
    microbatches: int
    chunks: int = 1
    device_of: tuple[int, ...] = ()
    split_backward: bool = False

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
        if not self.device_of:
            object.__setattr__(self, "device_of", tuple(range(self.stages)))
        if len(self.device_of) != self.stages:
            raise UsageError(f"expected a device for each of {self.stages} stages, got {len(self.device_of)}")
        if set(self.device_of) != set(range(max(self.device_of) + 1)):
            raise UsageError(f"devices must be 0, 1, 2, ... without gaps, got {self.device_of}")

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


class _Edge(NamedTuple):
    """The input of an action: ``operation`` on the same microbatch, so many stages and chunks away."""

    operation: Operation
    stage: int = 0
    chunk: int = 0


_F, _B, _I = Operation.FORWARD, Operation.BACKWARD, Operation.BACKWARD_INPUT
_RULE: dict[Operation, tuple[_Edge, ...]] = {
    Operation.FORWARD: (_Edge(_F, stage=-1), _Edge(_F, chunk=-1)),
    Operation.BACKWARD: (_Edge(_F), _Edge(_B, stage=+1), _Edge(_B, chunk=+1)),
    Operation.BACKWARD_INPUT: (_Edge(_F), _Edge(_I, stage=+1), _Edge(_I, chunk=+1)),
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
        at_stage, at_chunk = stage + edge.stage, chunk + edge.chunk
        inside = (at_stage >= 0) & (at_stage < graph.stages) & (at_chunk >= 0) & (at_chunk < graph.chunks)
        yield edge.operation, at_stage, microbatch, at_chunk, inside


def inputs_of(graph: Graph, action: Action) -> list[Action]:
    """The actions whose results ``action`` needs: the only statement of data dependence in the project."""
    return [Action(*input_action) for *input_action, exists in input_edges(graph, *action) if exists]
