"""A pipeline of torch.distributed.pipelining that writes a trace a rank, on CPU ranks or on GPUs.

torchrun --nproc-per-node 2 record.py gpipe     # or 1f1b, interleaved, zero-bubble
torchrun --nproc-per-node 2 record.py gpipe cuda
"""

import os
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.pipelining import (
    PipelineStage,
    ScheduleGPipe,
    ScheduleInterleaved1F1B,
    ScheduleInterleavedZeroBubble,
)
from torch.distributed.pipelining.schedules import _Action, _PipelineScheduleRuntime
from torch.profiler import ProfilerActivity, profile, schedule

WIDTH, ROWS, MICROBATCHES = 1024, 96, 4  # ROWS a microbatch
WARMUP, RECORDED = 2, 2  # steps
BACKENDS = {"cpu": "gloo", "cuda": "nccl"}
ACTIVITIES = {"cpu": [ProfilerActivity.CPU], "cuda": [ProfilerActivity.CPU, ProfilerActivity.CUDA]}


def own_device(kind: str) -> torch.device:
    """A GPU for each rank of this machine, or its CPU."""
    if kind == "cpu":
        return torch.device("cpu")
    device = torch.device(kind, int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    torch.cuda.set_device(device)
    return device


def stages(rank: int, world: int, each: int, device: torch.device) -> list[PipelineStage]:
    """The stages of this rank: every ``world``-th one."""
    made = []
    for index in range(rank, world * each, world):
        layers = [layer for _ in range(4 // each) for layer in (nn.Linear(WIDTH, WIDTH), nn.ReLU())]
        made.append(PipelineStage(nn.Sequential(*layers).to(device), index, world * each, device))
    return made


def order_of_1f1b(rank: int, world: int, microbatches: int) -> list[_Action]:
    """The order of Schedule1F1B, which writes no labels: forwards ahead, then a forward and a backward in turn."""
    ahead = min(world - 1 - rank, microbatches)
    texts = [f"{rank}F{index}" for index in range(ahead)]
    for index in range(microbatches):
        if ahead + index < microbatches:
            texts.append(f"{rank}F{ahead + index}")
        texts.append(f"{rank}B{index}")
    return [_Action.from_str(text) for text in texts]


def one_forward_one_backward(stage: PipelineStage, microbatches: int, loss_fn):
    """The same schedule, run by the runtime that labels what it does."""
    runtime = _PipelineScheduleRuntime([stage], microbatches, loss_fn=loss_fn)
    world = stage.group_size
    runtime.pipeline_order = {rank: order_of_1f1b(rank, world, microbatches) for rank in range(world)}
    runtime._prepare_schedule_with_comms(runtime.pipeline_order)  # noqa: SLF001 - as torch's own schedules do
    return runtime


def pipeline(name: str, rank: int, world: int, device: torch.device):
    """The schedule of that name, and the parameters of this rank."""
    several = {"interleaved": ScheduleInterleaved1F1B, "zero-bubble": ScheduleInterleavedZeroBubble}
    mine = stages(rank, world, 2 if name in several else 1, device)
    parameters = [parameter for stage in mine for parameter in stage.submod.parameters()]
    if name in several:
        return several[name](mine, MICROBATCHES, loss_fn=nn.functional.mse_loss), parameters
    make = {"gpipe": ScheduleGPipe, "1f1b": one_forward_one_backward}[name]
    return make(mine[0], MICROBATCHES, loss_fn=nn.functional.mse_loss), parameters


def main(name: str, kind: str = "cpu") -> None:
    torch.set_num_threads(1)
    device = own_device(kind)
    dist.init_process_group(BACKENDS[kind])
    rank, world = dist.get_rank(), dist.get_world_size()
    run, parameters = pipeline(name, rank, world, device)
    optimizer = torch.optim.SGD(parameters, lr=0.01)
    batch = torch.randn(ROWS * MICROBATCHES, WIDTH, device=device)
    given = (batch,) if rank == 0 else ()
    target = {"target": batch} if rank == world - 1 else {}

    def write(profiler: profile) -> None:
        profiler.export_chrome_trace(f"trace{rank}.json.gz")

    with profile(
        activities=ACTIVITIES[kind],
        schedule=schedule(wait=0, warmup=WARMUP, active=RECORDED, repeat=1),
        on_trace_ready=write,
    ) as profiler:
        for _ in range(WARMUP + RECORDED):
            optimizer.zero_grad()
            run.step(*given, **target)
            optimizer.step()
            profiler.step()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:] or ["gpipe"])
