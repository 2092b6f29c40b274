"""The costs that a schedule may order by: seconds of each operation of each stage, and of messages.

An action on n slices of a stage takes ``call_s + n * slice_s``: a cell has its fixed part once. A message is of one
slice, so its cost depends only on the stage that sends it.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from pipebench.errors import UsageError
from pipebench.plan.graph import Graph

MESSAGE = 0.2  # of a forward of the chain, if nothing was measured


class CellCost(NamedTuple):
    """Seconds of one operation of one stage: for each slice, and for each call."""

    slice_s: float
    call_s: float = 0.0

    def of(self, slices: int) -> float:
        """Seconds of an action on so many slices."""
        return self.call_s + slices * self.slice_s


@dataclass(frozen=True, slots=True)
class OrderCosts:
    """What the actions and messages of a graph cost; every sequence has an entry for each stage.

    Args:
        forward: costs of F.
        backward_input: costs of I.
        backward_weight: costs of W.
        forward_message_s: seconds of one slice's result to a stage above on another device.
        backward_message_s: seconds of one slice's gradient to a stage below on another device.
        ports: whether a message occupies its sender's egress port and its receiver's ingress port.

    Raises:
        UsageError: A time is negative or not finite.
    """

    forward: tuple[CellCost, ...]
    backward_input: tuple[CellCost, ...]
    backward_weight: tuple[CellCost, ...]
    forward_message_s: tuple[float, ...]
    backward_message_s: tuple[float, ...]
    ports: bool = True

    def __post_init__(self) -> None:
        cells = (*self.forward, *self.backward_input, *self.backward_weight)
        times = (
            *(time for cell in cells for time in cell),
            *self.forward_message_s,
            *self.backward_message_s,
        )
        if not all(0 <= time < inf for time in times):
            raise UsageError(f"costs to order by: expected finite numbers of seconds, at least 0, got {self}")

    def check(self, graph: Graph) -> None:
        """Refuse costs of another graph.

        Raises:
            UsageError: They have more or fewer stages than the graph.
        """
        cells = (self.forward, self.backward_input, self.backward_weight)
        found = sorted({*map(len, cells), len(self.forward_message_s), len(self.backward_message_s)})
        if found != [graph.stages]:
            raise UsageError(f"costs to order by: expected costs of {graph.stages} stages, got {found}")


def costs_on_paper(graph: Graph) -> OrderCosts:
    """Costs if nothing was measured: F, I and W each take the graph's work, and a message a fifth of a forward."""
    cells = tuple(CellCost(work) for work in graph.work)
    messages = (MESSAGE * sum(graph.work[: graph.chain]) / graph.chain,) * graph.stages
    return OrderCosts(cells, cells, cells, messages, messages)
