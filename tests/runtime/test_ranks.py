"""Real ranks compute what the baseline computes. One live group of processes serves all cases."""

import multiprocessing
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipebench.config import RunConfig, RunOptions, resolve
from pipebench.models.outline import Slice
from pipebench.plan.checkpoints import CHECKPOINTS
from tests.builders import SLICINGS, network_of, plan_of

MOST = 8
CONTEXT = multiprocessing.get_context("forkserver")


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
    from pipebench.models.registry import given_to, network_for
    from pipebench.runtime import group, messages
    from pipebench.runtime.heartbeat import Heartbeats
    from pipebench.runtime.ranked_pair import RankedPair

    config = msgspec.msgpack.decode(encoded, type=RunConfig)
    if rank == 0:
        Heartbeats(Path(folder) / "heartbeats", config.ranks).close()
    try:
        data = given_to(config).data
        job = messages.Job(config=config, data=data)
        pair = RankedPair(job, network_for(config, data), rank, Path(folder))
        pair.choose(messages.Form("chain"))
        verification = pair.verify()
        for number in range(2):
            pair.baseline_step(number)
            timeline = pair.timeline(pair.pipeline_step(number))
            pair.check_losses(steps=number + 1)
    finally:
        group.leave()
    if verification is None:
        return None
    return {"error": verification.max_relative_gradient_error, "timeline": msgspec.to_builtins(timeline)}


class Group:
    """The live ranks; ``run`` gives a case to the first N of them."""

    def __init__(self) -> None:
        CONTEXT.set_forkserver_preload(["torch", "torch.distributed", "pipebench.runtime.ranked_pair"])
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
        from pipebench.runtime.heartbeat import Heartbeats

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


@pytest.fixture(scope="module")
def ranks() -> Iterator[Group]:
    group = Group()
    yield group
    group.stop()
    assert not multiprocessing.active_children()


def config(**options: Any) -> RunConfig:
    sizes = {"layers": 8, "hidden": 24, "vocab": 60, "batch": 8, "sequence_length": 8, "synthetic": True}
    return resolve(RunOptions(**({"device": "cpu"} | sizes | options)))


@pytest.mark.parametrize("gpus", [1, 2, 3, 4, 8])
@pytest.mark.parametrize(("schedule", "microbatches", "chunks"), SLICINGS)
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_every_schedule_gives_the_gradients_of_the_baseline(
    ranks: Group, tmp_path: Path, schedule: str, microbatches: int, chunks: int, gpus: int, checkpoint: str
) -> None:
    asked = config(
        schedule=schedule, microbatches=microbatches, chunks=chunks, gpus=gpus, checkpoint=checkpoint
    )
    result = ranks.run(asked, tmp_path)
    assert result["error"] <= 1e-5
    timeline = result["timeline"]
    assert timeline["clock"] == "wall"
    assert len(timeline["spans"]) == 2 * gpus * microbatches * chunks
    assert all(0 <= span["start_s"] <= span["end_s"] <= timeline["makespan_s"] for span in timeline["spans"])


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_payloads_above_4_mb_arrive_in_order(ranks: Group, tmp_path: Path, schedule: str) -> None:
    asked = config(
        schedule=schedule,
        gpus=2,
        layers=2,
        hidden=128,
        batch=512,
        sequence_length=34,
        microbatches=2,
        vocab=50,
    )
    assert asked.outline.edge(Slice(0, 1, opens=True, closes=False), 2, 1).forward_bytes > 4 * 2**20
    assert ranks.run(asked, tmp_path)["error"] <= 1e-5


def test_an_uneven_partition_with_the_projection_alone(ranks: Group, tmp_path: Path) -> None:
    asked = config(gpus=3, partition="6,2,0", microbatches=4, schedule="wavefront", chunks=2)
    assert ranks.run(asked, tmp_path)["error"] <= 1e-5


def test_no_receive_is_posted_before_the_ranks_have_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receive that waits runs on a GPU, where the baseline of another rank may still be timed."""
    import torch.distributed as dist

    from pipebench.runtime.device import CpuDevice
    from pipebench.runtime.heartbeat import Heartbeats
    from pipebench.runtime.ranks import RankedPipeline

    order: list[str] = []

    class Transport:
        def begin_step(self, *, checked: bool) -> None:
            order.append("receives posted")

        def end_step(self) -> None:
            order.append("sends over")

        send = receive = None

    asked = config(gpus=1, microbatches=2)
    network = network_of(asked)
    monkeypatch.setattr(dist, "all_reduce", lambda *_: order.append("met"))
    pipeline = RankedPipeline(
        plan_of("gpipe", 1, 2),
        network,
        [8],
        (),
        rank=0,
        device=CpuDevice(),
        transport=Transport(),  # type: ignore[arg-type]
        heartbeats=Heartbeats(tmp_path / "beats", 1),
    )
    readings = pipeline.step(network.batch(0, microbatches=2))
    assert order == ["met", "receives posted", "sends over"]
    assert readings.busy_s > 0
    assert readings.cpu_s > 0
