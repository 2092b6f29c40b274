"""How much one core slows while the other one works: a rank's share of the work, alone and side by side.

Usage (by measure.py): python contention.py CELL-SHAPE SCHEDULE RANK   runs steps when told to, on its own core
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from cells import GPUS, Cell

from pipebench.launching import process

_STEPS, _ROUNDS = 2, 3


def contention(cell: Cell) -> dict[str, Any]:
    """Thread CPU seconds of a step on each core, alone and together, and how many times slower together is."""
    children = [_start(cell, rank) for rank in range(GPUS)]
    try:
        for child in children:
            _steps([child])  # warm up
        alone: list[list[float]] = [[] for _ in children]
        together: list[list[float]] = [[] for _ in children]
        for _ in range(_ROUNDS):  # alone, together, together, alone
            for number, child in enumerate(children):
                alone[number] += _steps([child])[0]
            for _ in range(2):
                for number, seconds in enumerate(_steps(children)):
                    together[number] += seconds
            for number, child in enumerate(children):
                alone[number] += _steps([child])[0]
    finally:
        for child in children:
            child.kill()
            child.wait()
    slower = [median(both) / median(one) for one, both in zip(alone, together, strict=True)]
    return {"alone_s": alone, "together_s": together, "slowdown": sum(slower) / len(slower)}


def _start(cell: Cell, rank: int) -> "subprocess.Popen[str]":
    environment = process.start_environment() | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, Path(__file__), cell.shape, cell.schedule, str(rank)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def _steps(children: list["subprocess.Popen[str]"]) -> list[list[float]]:
    """Let these run steps at the same time; each one's seconds a step."""
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    return [json.loads(child.stdout.readline()) for child in children if child.stdout is not None]


def serve(cell: Cell, rank: int) -> None:
    """The child: half the layers, all microbatches and chunks, with embedding and projection: about what a rank has."""
    process.keep_memory()
    process.pin(rank)
    import torch

    from pipebench.engine.emulator import EmulatedPipeline
    from pipebench.models.registry import given_to, network_for
    from pipebench.plan.schedules import SCHEDULES
    from pipebench.plan.transfers import add_transfers

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    config = cell.config("emulated", gpus=1)
    config = msgspec.structs.replace(
        config, layers=config.layers // GPUS, partition=(config.layers // GPUS,), synthetic=True
    )
    network = network_for(config, given_to(config).data)
    pipeline = EmulatedPipeline(
        add_transfers(SCHEDULES[config.schedule].plan(config.graph)),
        network,
        config.layout,
    )
    batch = network.batch(0, microbatches=config.microbatches, chunks=config.chunks)
    for _ in sys.stdin:
        seconds = []
        for _ in range(_STEPS):
            start = time.thread_time()
            pipeline.step(batch)
            seconds.append(time.thread_time() - start)
            pipeline.release()
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    serve(Cell(sys.argv[1], sys.argv[2]), int(sys.argv[3]))
