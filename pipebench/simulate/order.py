"""The given costs of a simulation, as a schedule that orders by costs takes them. Pure."""

from collections.abc import Callable, Sequence

from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, OrderCosts
from pipebench.simulate.devices import talking
from pipebench.timing.costs import Costs
from pipebench.timing.links import Topology


def order_costs(graph: Graph, costs: Costs, links: Topology, message_bytes: int) -> OrderCosts:
    """The costs of each stage: the mean over its chunks, and the longest of its messages in each direction.

    Args:
        graph: a graph whose backward is split.
        costs: those of its actions.
        links: those between its devices.
        message_bytes: the size of every message.
    """
    device = graph.device_of

    def cells(operation: Operation) -> tuple[CellCost, ...]:
        rows = (Action(operation, stage, 0, chunks=graph.chunks) for stage in range(graph.stages))
        return tuple(CellCost(costs.action_s(row) / graph.chunks) for row in rows)

    def message_s(stage: int, others: Sequence[int]) -> float:
        away = [
            links.between(device[stage], device[other]) for other in others if device[other] != device[stage]
        ]
        return max((link.transfer_s(message_bytes) for link in away), default=0.0)

    def messages_s(neighbours: Callable[[int], Sequence[int]]) -> tuple[float, ...]:
        return tuple(message_s(stage, neighbours(stage)) for stage in range(graph.stages))

    return OrderCosts(
        cells(Operation.FORWARD),
        cells(Operation.BACKWARD_INPUT),
        cells(Operation.BACKWARD_WEIGHT),
        messages_s(graph.feeds.__getitem__),
        messages_s(graph.fed_by),
        ports=any(links.between(*pair).ports for pair in talking(graph)),
    )
