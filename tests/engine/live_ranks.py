"""One live group of processes that serves all tests of real ranks, so that torch is imported once."""

import multiprocessing
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from pipebench.config.run_config import RunConfig

MOST = 8
CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = ["torch", "torch.distributed", "pipebench.measuring.ranked_pair"]


def serve(rank: int, connection: Connection) -> None:
    """A rank: takes cases until told to stop, and sends home its result or its traceback."""
    import torch

    torch.set_num_threads(1)
    while (case := connection.recv_bytes()) != b"stop":
        try:
            connection.send(("done", verified(rank, *msgspec.msgpack.decode(case))))
        except BaseException:
            connection.send(("failed", traceback.format_exc()))


def verified(rank: int, encoded: bytes, folder: str) -> dict[str, Any] | None:
    """The verification, then one training step's timeline, as a launch does them."""
    from pipebench.engine import group
    from pipebench.launching import messages
    from pipebench.launching.heartbeat import Heartbeats
    from pipebench.launching.rendezvous.place import on_one_machine
    from pipebench.measuring.ranked_pair import RankedPair
    from pipebench.models.registry import given_to, network_for

    config = msgspec.msgpack.decode(encoded, type=RunConfig)
    if rank == 0:
        Heartbeats(Path(folder) / "heartbeats", config.ranks).close()
    try:
        data = given_to(config).data
        job = messages.Job(config=config, data=data)
        place = on_one_machine(rank, config.ranks)
        pair = RankedPair(job, network_for(config, data), place, Path(folder))
        pair.choose(messages.Form("chain" if config.baseline_partition is None else "naive"))
        verification = pair.verify()
        for number in range(2):
            pair.baseline_step(number)
            timeline = pair.timeline(pair.pipeline_step(number))
            pair.check_losses(steps=number + 1)
    finally:
        group.leave()
    if verification is None:
        return None
    return {
        "error": verification.max_relative_gradient_error,
        "parameter_error": verification.max_relative_parameter_error,
        "timeline": msgspec.to_builtins(timeline),
    }


class Group:
    """The live ranks; ``run`` gives a case to the first N of them."""

    def __init__(self) -> None:
        CONTEXT.set_forkserver_preload(PRELOADED)
        self.pipes, self.processes = [], []
        for rank in range(MOST):
            ours, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(target=serve, args=(rank, theirs), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def run(self, config: RunConfig, folder: Path) -> dict[str, Any]:
        case = msgspec.msgpack.encode((msgspec.msgpack.encode(config), str(folder)))
        from pipebench.launching.heartbeat import Heartbeats

        Heartbeats(folder / "heartbeats", config.ranks).close()  # as the launcher does
        for pipe in self.pipes[: config.ranks]:
            pipe.send_bytes(case)
        results = []
        for rank, pipe in enumerate(self.pipes[: config.ranks]):
            assert pipe.poll(180), f"rank {rank} is silent"
            status, result = pipe.recv()
            assert status == "done", f"rank {rank}: {result}"
            results.append(result)
        assert results[0] is not None
        return results[0]

    def stop(self) -> None:
        for pipe in self.pipes:
            pipe.send_bytes(b"stop")
        for process in self.processes:
            process.join(60)
            assert process.exitcode == 0
