"""Costs for a balanced partition: the cost of each layer and, if there are several GPUs, the speed of each.

Each rank measures its own GPU, all at the same time, as they will run. Then rank 0 measures the layers alone.
"""

import time
from collections.abc import Callable
from math import inf
from pathlib import Path

from pipebench.engine.devices import device_of
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.launching import messages
from pipebench.launching.heartbeat import IDLE, WAITING, Heartbeats
from pipebench.launching.phases import Phase
from pipebench.launching.rendezvous.place import Place
from pipebench.models.layout import chain_layout, graph_of, shape_of
from pipebench.models.network import Network
from pipebench.models.registry import network_for
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers

_STEPS = 3  # the first step warms up, so it is never the fastest


def measure(
    job: messages.Job, place: Place, folder: Path, emit: Callable[[messages.Message], None]
) -> messages.LayerCosts | None:
    """The costs of layers and the speeds of GPUs on rank 0; ``None`` on other ranks, which only measure their GPU.

    Args:
        job: what to measure, with the model.
        place: the place of this rank.
        folder: the folder of the launch.
        emit: is told of progress.
    """
    network = network_for(job.config, job.data)
    speeds: list[float] = []
    if place.ranks > 1:
        emit(messages.Progress(phase=Phase.SPEEDS, share=0.0))
        speeds = _speeds(job, network, place, folder)
    return _layers(job, network, place, speeds, emit) if place.rank == 0 else None


def _speeds(job: messages.Job, network: Network, place: Place, folder: Path) -> list[float]:
    """The speeds of all GPUs, by rank. Collective."""
    from pipebench.engine import group  # noqa: PLC0415 - torch.distributed, for ranks only
    from pipebench.measuring.device_speeds import all_speeds  # noqa: PLC0415 - likewise

    device = device_of(job.config.kind, place.device)
    device.use()
    heartbeats = Heartbeats(folder / "heartbeats", job.ranks)
    heartbeats.beat(place.rank, WAITING)
    group.join(place, folder, timeout_s=job.patience_s)
    heartbeats.beat(place.rank, IDLE)
    return all_speeds(network, device, place.ranks)


def _layers(
    job: messages.Job,
    network: Network,
    place: Place,
    speeds: list[float],
    emit: Callable[[messages.Message], None],
) -> messages.LayerCosts:
    """A quick measurement of every layer: a pipeline with one layer in each stage, its costs summed by stage.

    What opens the model is measured with the first layer, since every partition keeps them together. The head is
    measured by itself.
    """
    config, row = job.config, network.outline.row
    device = device_of(config.kind, place.device, time.thread_time)
    partition = [1] * row.layers + [0] * bool(row.head)
    graph = graph_of(shape_of(network.outline, partition), config.microbatches, config.chunks)
    pipeline = EmulatedPipeline(
        add_transfers(SCHEDULES["gpipe"].plan(graph)),
        network,
        chain_layout(partition),
        cell=config.cell,
        checkpoint=config.checkpoint,
        device=device.torch,
        clock=device.at_rest_s,
    )
    batch = network.batch(0, microbatches=config.microbatches, chunks=config.chunks, device=device.torch)
    best = [inf] * graph.stages
    for number in range(_STEPS):
        emit(messages.Progress(phase=Phase.LAYERS, share=number / _STEPS))
        costs = pipeline.step(batch)
        seconds = [costs.before_s(stage) + costs.after_s(stage) for stage in range(graph.stages)]
        for action, action_s in costs.actions.items():
            seconds[action.stage] += action_s
        best = [min(pair) for pair in zip(best, seconds, strict=True)]
    return messages.LayerCosts(layers=best[: row.layers], head=sum(best[row.layers :]), speeds=speeds)
