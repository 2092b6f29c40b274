"""Costs for a schedule that orders by them: every action of the pipeline, measured quickly in one process.

All devices run here in turn, like emulated ones. Cells of two sizes show what an operation of a stage costs for each
call and for each slice. Messages take what the emulated link will take. Between real ranks that is not known yet.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean

import torch

from pipebench.engine.device import CpuDevice
from pipebench.engine.devices import device_of
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.launching import messages
from pipebench.launching.phases import Phase
from pipebench.launching.rendezvous.place import Place
from pipebench.measuring.host_speed import host_flops_per_s
from pipebench.models.edges import Edges
from pipebench.models.network import Network
from pipebench.models.outline import telling_flops
from pipebench.models.registry import network_for
from pipebench.plan.actions import Operation
from pipebench.plan.cells import slices_of
from pipebench.plan.order_costs import MESSAGE, CellCost, OrderCosts
from pipebench.plan.plan import Plan
from pipebench.plan.schedules.measuring import measuring_plan
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.machines import machine_for

_STEPS = 4  # the first step warms up, so it is never the fastest
_Sample = tuple[int, float]  # slices of a cell, and its seconds


def measure(
    job: messages.Job, place: Place, emit: Callable[[messages.Message], None]
) -> messages.ActionCosts:
    """The costs of the job's actions; none if they do not all fit on the one device that measures.

    Args:
        job: what to measure, with the model.
        place: the place of this process.
        emit: is told of progress.
    """
    network = network_for(job.config, job.data)
    try:
        costs = _measured(job, network, place, emit)
    except torch.OutOfMemoryError:  # the GPU's; each stage by itself may still fit on a GPU
        costs = None
    return messages.ActionCosts(costs=costs, found=network.found)


def _measured(
    job: messages.Job, network: Network, place: Place, emit: Callable[[messages.Message], None]
) -> OrderCosts:
    config = job.config
    device = device_of(config.kind, place.device, time.thread_time)
    pipeline = EmulatedPipeline(
        add_transfers(_plan(job)),
        network,
        config.layout,
        cell=config.cell,
        device=device.torch,
        clock=device.at_rest_s,
    )
    batch = network.batch(0, microbatches=config.microbatches, chunks=config.chunks, device=device.torch)
    found = []
    for number in range(_STEPS):
        emit(messages.Progress(phase=Phase.ACTIONS, share=number / _STEPS))
        found.append(pipeline.step(batch))
        pipeline.release()
    least = _least(found)
    cells = _cell_costs(pipeline.plan, least)
    chain = [cells[Operation.FORWARD][stage].of(1) for stage in range(pipeline.plan.graph.chain)]
    link = _link(job, network, sum(least.actions.values()))
    forward_s, backward_s = _message_times(
        pipeline.edges, pipeline.plan, link, usual_s=MESSAGE * fmean(chain)
    )
    return OrderCosts(
        cells[Operation.FORWARD],
        cells[Operation.BACKWARD_INPUT],
        cells[Operation.BACKWARD_WEIGHT],
        forward_s,
        backward_s,
        ports=link is not None,
    )


def _plan(job: messages.Job) -> Plan:
    """A plan with cells of two sizes; if kept activations are limited or gradients are clipped, the run's own plan."""
    config = job.config
    if config.most_alive is None and config.most_waiting is None and not config.graph.clips:
        return measuring_plan(config.graph)
    return config.plan


def _least(found: Sequence[MeasuredCosts]) -> MeasuredCosts:
    """The least seconds of each action over the steps."""
    return MeasuredCosts({action: min(each.actions[action] for each in found) for action in found[0].actions})


def _cell_costs(plan: Plan, least: MeasuredCosts) -> dict[Operation, tuple[CellCost, ...]]:
    """The cost of each operation on each stage."""
    samples: dict[tuple[Operation, int], list[_Sample]] = defaultdict(list)
    for action, seconds in least.actions.items():
        slices = len(slices_of(plan.graph, action))
        samples[action.operation, action.stage].append((slices, seconds))
    return {
        operation: tuple(cell_cost(samples[operation, stage]) for stage in range(plan.graph.stages))
        for operation in plan.graph.operations
    }


def cell_cost(samples: Sequence[_Sample]) -> CellCost:
    """Seconds for a call and for each slice, from the means of the shortest and of the longest cells."""
    shortest, longest = min(slices for slices, _ in samples), max(slices for slices, _ in samples)
    short_s, long_s = (fmean(s for slices, s in samples if slices == n) for n in (shortest, longest))
    if shortest == longest:
        return CellCost(short_s / shortest)
    slice_s = min(max((long_s - short_s) / (longest - shortest), 0.0), long_s / longest)
    return CellCost(slice_s, max(long_s - longest * slice_s, 0.0))


def _link(job: messages.Job, network: Network, step_s: float) -> Link | None:
    """The link of an emulated machine, at this host's speed; ``None`` between real ranks."""
    config = job.config
    if config.kind.is_real:
        return None
    flops = telling_flops(network.outline)
    speed = flops / step_s if flops is not None else host_flops_per_s(CpuDevice(time.thread_time))
    machine = machine_for(
        config.machine,
        host_flops_per_s=speed,
        measured=job.link,
        message_bytes=config.message_bytes,
    )
    return machine.link.dilated(machine.time_dilation(speed))


def _message_times(
    edges: Edges, plan: Plan, link: Link | None, *, usual_s: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Seconds of each stage's message to a stage above, and to a stage below."""
    forward_s, backward_s = [0.0] * plan.graph.stages, [0.0] * plan.graph.stages
    for (below, above), edge in edges.items():
        forward_s[below] = usual_s if link is None else link.transfer_s(edge.forward_bytes)
        backward_s[above] = usual_s if link is None else link.transfer_s(edge.backward_bytes)
    return tuple(forward_s), tuple(backward_s)
