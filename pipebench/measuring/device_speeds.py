"""The speed of each rank's device on the model's first single-device form; all ranks measure at the same time."""

from functools import partial
from math import inf

import torch
import torch.distributed as dist

from pipebench.engine.device import RankDevice
from pipebench.launching.messages import Form
from pipebench.measuring.baseline import Baseline
from pipebench.models.network import Network

_FEWEST, _MOST = 3, 10  # steps; the first step warms up
_ENOUGH_S = 0.05


def all_speeds(network: Network, device: RankDevice, ranks: int) -> list[float]:
    """Steps per second of every device, by rank; empty if there is a device that the model does not fit on. Collective.

    Args:
        network: the model.
        device: this rank's device.
        ranks: the number of ranks.
    """
    speed = torch.tensor(_speed(network, device), dtype=torch.float64)
    speeds = [torch.empty_like(speed) for _ in range(ranks)]
    dist.all_gather(speeds, speed)
    found = [float(value) for value in speeds]
    return found if all(found) else []


def _speed(network: Network, device: RankDevice) -> float:
    """Steps per second of this rank's device; 0 if the model does not fit."""
    try:
        seconds = _step_s(network, device)
    except torch.OutOfMemoryError:
        seconds = inf
    device.give_back()
    return 1 / seconds


def _step_s(network: Network, device: RankDevice) -> float:
    """Seconds of the fastest step; short steps are repeated more often, since they vary more."""
    probe = Baseline(Form(network.outline.forms[0]), network, device.torch)
    batch = probe.batch(0)
    seconds: list[float] = []
    while len(seconds) < _FEWEST or (len(seconds) < _MOST and sum(seconds[1:]) < _ENOUGH_S):
        seconds.append(device.seconds(partial(probe.step, batch)))
    return min(seconds[1:])
