"""Real ranks compute what the baseline computes."""

from pathlib import Path
from typing import Any

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.engine.ranks import _timeline
from pipebench.models.edges import Steps
from pipebench.models.layout import chain_layout
from pipebench.models.outline import Slice
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.graph import Graph
from tests.builders import SLICINGS, network_of, plan_by_hand, plan_of
from tests.engine.live_ranks import Group


def config(**options: Any) -> RunConfig:
    sizes = {"layers": 8, "hidden": 24, "vocab": 60, "batch": 8, "sequence_length": 8, "synthetic": True}
    return resolve(RunOptions(**({"device": "cpu"} | sizes | options)))


@pytest.mark.parametrize("gpus", [1, 2, 3, 4, 8])
@pytest.mark.parametrize(("schedule", "microbatches", "chunks"), SLICINGS)
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_every_schedule_gives_the_gradients_of_the_baseline(
    live_ranks: Group,
    tmp_path: Path,
    schedule: str,
    microbatches: int,
    chunks: int,
    gpus: int,
    checkpoint: str,
) -> None:
    asked = config(
        schedule=schedule, microbatches=microbatches, chunks=chunks, gpus=gpus, checkpoint=checkpoint
    )
    result = live_ranks.run(asked, tmp_path)
    assert result["error"] <= 1e-5
    timeline = result["timeline"]
    assert timeline["clock"] == "wall"
    assert len(timeline["spans"]) == 2 * gpus * microbatches * chunks
    assert all(0 <= span["start_s"] <= span["end_s"] <= timeline["makespan_s"] for span in timeline["spans"])


def test_messages_of_a_cell_leave_at_its_end_and_are_needed_at_its_start() -> None:
    graph = Graph(2, 1, 2, split_backward=True)
    plan = plan_by_hand(graph, "0F0.0 0F0.1 0I0.0-1 0W0.0-1", "1F0.0-1 1I0.0-1 1W0.0-1")
    rows = [[5, 5, 14, 14, 5, 6, 6, 7, 11, 12, 12, 14], [5, 5, 13, 13, 8, 9, 9, 10, 10, 13]]
    timeline = _timeline(plan, rows)
    assert [span.start_s for span in timeline.spans] == [0, 1, 6, 7, 3, 4, 5]
    assert [(graph.text(t.message.producer), t.ready_s, t.end_s) for t in timeline.transfers] == [
        ("0F0.0", 1, 3),
        ("0F0.1", 2, 3),
        ("1I0.0", 5, 6),
        ("1I0.1", 5, 6),
    ]


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_payloads_above_4_mb_arrive_in_order(live_ranks: Group, tmp_path: Path, schedule: str) -> None:
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
    assert live_ranks.run(asked, tmp_path)["error"] <= 1e-5


def test_an_uneven_partition_with_the_projection_alone(live_ranks: Group, tmp_path: Path) -> None:
    asked = config(gpus=3, partition="6,2,0", microbatches=4, schedule="wavefront", chunks=2)
    assert live_ranks.run(asked, tmp_path)["error"] <= 1e-5


def test_no_receive_is_posted_before_the_ranks_have_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receive that waits runs on a GPU, where the baseline of another rank may still be timed."""
    import torch.distributed as dist

    from pipebench.engine.device import CpuDevice
    from pipebench.engine.ranks import RankedPipeline
    from pipebench.launching.heartbeat import Heartbeats

    order: list[str] = []

    class Transport:
        def begin_step(self, *, checked: bool, steps: Steps | None) -> None:
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
        chain_layout([8]),
        {},
        rank=0,
        device=CpuDevice(),
        transport=Transport(),  # type: ignore[arg-type]
        heartbeats=Heartbeats(tmp_path / "beats", 1),
    )
    readings = pipeline.step(network.batch(0, microbatches=2))
    assert order == ["met", "receives posted", "sends over"]
    assert readings.busy_s > 0
    assert readings.cpu_s > 0
