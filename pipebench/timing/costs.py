"""What actions cost, in seconds of one device.

A cost table answers four questions: how long one action takes, how long its device does nothing before it although
it could start, and how long a device works before its first action (zeroing gradients) and after its last action (the
optimizer).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isclose
from typing import NamedTuple, Protocol

from pipebench.errors import UsageError
from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.graph import Graph

_FIELDS = {  # the fields of UniformCosts
    Operation.FORWARD: "forward",
    Operation.BACKWARD: "backward",
    Operation.BACKWARD_INPUT: "backward_input",
    Operation.BACKWARD_WEIGHT: "backward_weight",
}


class Costs(Protocol):
    """Seconds for each action, and for each device's work around its actions."""

    def action_s(self, action: Action) -> float:
        """The exclusive duration of one action."""

    def gap_s(self, action: Action) -> float:
        """How long the device does nothing before the action, although it is free and all inputs are there."""

    def before_s(self, device: int) -> float:
        """Work of ``device`` before its first action."""

    def after_s(self, device: int) -> float:
        """Work of ``device`` after its last action."""


class _ActionsAlone:
    """Base of costs where only actions take time."""

    __slots__ = ()

    def gap_s(self, action: Action) -> float:  # noqa: ARG002 - the protocol's signature
        """No gap."""
        return 0.0

    def before_s(self, device: int) -> float:  # noqa: ARG002 - the protocol's signature
        """No work."""
        return 0.0

    def after_s(self, device: int) -> float:  # noqa: ARG002 - the protocol's signature
        """No work."""
        return 0.0


@dataclass(frozen=True, slots=True)
class UniformCosts(_ActionsAlone):
    """Costs that are the same for all stages. A whole backward is the sum of its halves unless it is given by itself.

    Raises:
        UsageError: A cost is negative or missing, or ``backward`` contradicts the halves.
    """

    forward: float
    backward: float | None = None
    backward_input: float | None = None
    backward_weight: float | None = None

    def __post_init__(self) -> None:
        for name in ("forward", "backward", "backward_input", "backward_weight"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < inf:
                raise UsageError(f"{name} must be a finite number of seconds, at least 0, got {value}")
        if (self.backward_input is None) != (self.backward_weight is None):
            raise UsageError(
                "the halves backward-input and backward-weight go together: give both or neither"
            )
        if self.backward_input is not None and self.backward_weight is not None:
            total = self.backward_input + self.backward_weight
            if self.backward is not None and not isclose(self.backward, total, rel_tol=1e-9):
                raise UsageError(
                    f"backward is {self.backward}, but its halves backward-input and backward-weight add up to "
                    f"{total}: leave one out"
                )
            object.__setattr__(self, "backward", total)
        if self.backward is None:
            raise UsageError("expected backward, or backward_input and backward_weight")

    def action_s(self, action: Action) -> float:
        """The cost of the action's operation; the norm of the gradients is free."""
        if action.operation in REDUCTIONS:
            return 0.0
        cost: float | None = getattr(self, _FIELDS[action.operation])
        if cost is None:
            raise UsageError(f"{action} is half a backward: expected backward_input and backward_weight")
        return cost if action.slices == 1 else cost * action.slices


class StageFactor(NamedTuple):
    """How many times as long as usual a stage, or a chunk, takes."""

    forward: float
    backward: float  # for the whole backward and for each half


def _of(factor: StageFactor, action: Action) -> float:
    return factor.forward if action.operation is Operation.FORWARD else factor.backward


@dataclass(frozen=True, slots=True)
class StageCosts(_ActionsAlone):
    """Costs of a chain whose stages or chunks differ.

    Args:
        usual: what a stage of factor 1 costs.
        factors: a factor for each stage; if empty, all are 1.
        chunks: a factor for each chunk; if empty, all are 1. The factors of stage and chunk are multiplied.
    """

    usual: UniformCosts
    factors: Sequence[StageFactor] = ()
    chunks: Sequence[StageFactor] = ()

    def action_s(self, action: Action) -> float:
        """The usual cost of the action's operation, times the factors of its stage and chunk."""
        usual_s = self.usual.action_s(action)
        if action.operation in REDUCTIONS:
            return usual_s
        for factor in self.factors[action.stage : action.stage + 1]:
            usual_s *= _of(factor, action)
        chunks = self.chunks[action.chunk : action.chunk + action.chunks]
        if not chunks:
            return usual_s
        factors = [_of(factor, action) for factor in chunks]
        return usual_s * factors[0] if len(factors) == 1 else usual_s * sum(factors) / len(factors)


@dataclass(frozen=True, slots=True)
class SoftmaxCosts(_ActionsAlone):
    """A chain's costs with a projection at its end, on its last stage or shared; joining the shards is free.

    Args:
        chain: what the stages of the chain cost.
        forward: seconds of the whole projection's forward; its I and its W take as long each, a whole B twice as long.
        graph: the graph; the stages between chain and loss are the shards, with equal shares.
    """

    chain: Costs
    forward: float
    graph: Graph

    def action_s(self, action: Action) -> float:
        """The cost of the action's operation on its stage."""
        if action.operation in REDUCTIONS:
            return 0.0
        chain, last = self.graph.chain, self.graph.last_stage
        own_s = self.chain.action_s(action) if action.stage < chain else 0.0
        if self.graph.is_chain:
            share = float(action.stage == last)
        else:
            share = 1 / (last - chain) if chain <= action.stage < last else 0.0
        whole_s = self.forward * (2 if action.operation is Operation.BACKWARD else 1) * action.slices
        return own_s + share * whole_s


@dataclass(frozen=True, slots=True)
class MeasuredCosts:
    """Measured seconds of actions, and of gaps before actions; ``before`` and ``after`` are by device."""

    actions: Mapping[Action, float]
    before: Mapping[int, float] = field(default_factory=dict)
    after: Mapping[int, float] = field(default_factory=dict)
    gaps: Mapping[Action, float] = field(default_factory=dict)

    def action_s(self, action: Action) -> float:
        """The measured duration; every action of the plan must have one."""
        return self.actions[action]

    def gap_s(self, action: Action) -> float:
        """The measured gap before the action, 0 if none was measured."""
        return self.gaps.get(action, 0.0)

    def before_s(self, device: int) -> float:
        """The measured work before the first action, 0 if none was measured."""
        return self.before.get(device, 0.0)

    def after_s(self, device: int) -> float:
        """The measured work after the last action, 0 if none was measured."""
        return self.after.get(device, 0.0)
