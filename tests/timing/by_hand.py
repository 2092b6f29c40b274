"""Timelines as one writes them by hand, and the earliest end of each action without events or a heap."""

from pipebench.plan.actions import Action
from pipebench.plan.dependence import inputs_of
from pipebench.plan.plan import Plan
from pipebench.timing.costs import Costs
from pipebench.timing.timeline import Timeline


def lanes(timeline: Timeline) -> list[str]:
    """Each device's actions with start and end."""
    return [
        ", ".join(f"{span.action} {span.start_s:g}-{span.end_s:g}" for span in timeline.spans_of(device))
        for device in range(timeline.graph.devices)
    ]


def transfers_by_text(timeline: Timeline) -> dict[str, tuple[float, float, float]]:
    """Ready, start and end of each message, by its producer."""
    return {
        timeline.graph.text(transfer.message.producer): (transfer.ready_s, transfer.start_s, transfer.end_s)
        for transfer in timeline.transfers
    }


def earliest_ends(plan: Plan, costs: Costs, latency: float) -> dict[Action, float]:
    """When each action ends at the earliest, without events or a heap."""
    free = [costs.before_s(device) for device in range(plan.graph.devices)]
    left = [list(program) for program in plan.programs]
    ends: dict[Action, float] = {}
    while any(left):
        for device, program in enumerate(left):
            while program and all(needed in ends for needed in inputs_of(plan.graph, program[0])):
                action = program.pop(0)
                arrivals = [
                    ends[needed] + latency * (plan.graph.device(needed) != device)
                    for needed in inputs_of(plan.graph, action)
                ]
                free[device] = ends[action] = max([free[device], *arrivals]) + costs.action_s(action)
    return ends
