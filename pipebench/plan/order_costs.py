"""What a schedule that orders by costs is told of them: seconds by stage and operation, and of messages.

An action on n slices of a stage takes ``call_s + n * slice_s``: a cell's fixed part is paid once. Messages are of one
slice each, so they go by the stage that sends them.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from pipebench.errors import UsageError
from pipebench.plan.graph import Graph

MESSAGE = 0.2  # of a forward of the chain, where nothing was measured


class CellCost(NamedTuple):
    """Seconds of an action on so many slices of one stage."""

    slice_s: float
    call_s: float = 0.0

    def of(self, slices: int) -> float:
        """Seconds of a cell."""
        return self.call_s + slices * self.slice_s


@dataclass(frozen=True, slots=True)
class OrderCosts:
    """What the actions and messages of a graph cost; every sequence has an entry for each stage.

    Args:
        forward: of F.
        backward_input: of I.
        backward_weight: of W.
        forward_message_s: of one slice's result to one stage above on another device.
        backward_message_s: of one slice's gradient to one stage below on another device.
        ports: whether a message occupies its sender's egress and its receiver's ingress port.

    Raises:
        UsageError: A time is negative or no number.
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
            raise UsageError(f"costs of an order: expected finite numbers of seconds, at least 0, got {self}")

    def check(self, graph: Graph) -> None:
        """Refuse costs of another graph.

        Raises:
            UsageError: They are of more or fewer stages.
        """
        cells = (self.forward, self.backward_input, self.backward_weight)
        found = sorted({*map(len, cells), len(self.forward_message_s), len(self.backward_message_s)})
        if found != [graph.stages]:
            raise UsageError(f"costs of an order: expected those of {graph.stages} stages, got {found}")


def costs_on_paper(graph: Graph) -> OrderCosts:
    """Where nothing was measured: F, I and W as long as the graph's work, a message a fifth of a forward."""
    cells = tuple(CellCost(work) for work in graph.work)
    messages = (MESSAGE * sum(graph.work[: graph.chain]) / graph.chain,) * graph.stages
    return OrderCosts(cells, cells, cells, messages, messages)
