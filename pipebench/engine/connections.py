"""How the ranks of a run are connected: which transport carries its messages, and where they arrive."""

from collections.abc import Callable, Mapping
from functools import partial

import torch

from pipebench.engine import group
from pipebench.engine.buffers import Buffers
from pipebench.engine.device import RankDevice
from pipebench.engine.rank_transport import RankTransport
from pipebench.engine.ranks import StepTransport
from pipebench.engine.staged_transport import StagedTransport, stream_mark
from pipebench.launching import messages
from pipebench.models.edges import Edges
from pipebench.plan.device_kind import DeviceKind
from pipebench.plan.plan import Plan

_AHEAD_ON_A_GPU = 2  # receives posted ahead in each direction; each waiting receive is a running kernel

Transports = Callable[[messages.Job, Plan, Edges, int, RankDevice], StepTransport]


def _gloo(_: messages.Job, plan: Plan, edges: Edges, rank: int, device: RankDevice) -> StepTransport:
    """The transport between processes on CPU cores."""
    return RankTransport(plan.graph, plan.program(rank), partial(Buffers, edges, device=device.torch))


def _own_or_staged(
    job: messages.Job, plan: Plan, edges: Edges, rank: int, device: RankDevice
) -> StepTransport:
    """The transport between GPUs: by their own backend, or through pinned host memory if torch has no such backend."""
    graph, program = plan.graph, plan.program(rank)
    if device.backend is not None:
        groups = group.by_direction(
            graph,
            backend=device.backend,
            rank=rank,
            timeout_s=job.patience_s,
            token=partial(torch.zeros, 1, device=device.torch),
        )
        buffers = partial(Buffers, edges, device=device.torch)
        return RankTransport(graph, program, buffers, groups, ahead=_AHEAD_ON_A_GPU)
    return StagedTransport(
        graph,
        program,
        pinned=partial(Buffers, edges, device=torch.device("cpu"), pin_memory=True),
        device=device,
        after_copy=partial(stream_mark, device.torch),
    )


TRANSPORTS: Mapping[DeviceKind, Transports] = {DeviceKind.CPU: _gloo, DeviceKind.CUDA: _own_or_staged}
