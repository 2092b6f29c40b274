"""Libraries that rank 0 or an earlier launch found, on other ranks and in later launches."""

from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.launching import messages
from pipebench.launching.heartbeat import Heartbeats
from pipebench.measuring.blocks import time_blocks
from pipebench.measuring.libraries import differ
from pipebench.measuring.pair import EmulatedPair
from pipebench.models.deferred import products
from pipebench.models.registry import given_to, network_for
from pipebench.models.stacked_lstm.split.products import LIBRARIES, Packed, Products, found_products
from tests.builders import network_of
from tests.engine.live_ranks import CONTEXT, PRELOADED

TOLD = {"onednn_projection": False} | found_products(LIBRARIES[2])
USUAL = {"onednn_projection": False} | found_products(LIBRARIES[0])

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("told", "found", "cell", "expected"),
    [
        (TOLD, TOLD, "split", False),
        (TOLD, USUAL, "split", True),
        (TOLD, USUAL, "fused", False),
        ({}, USUAL, "split", False),
        (USUAL, USUAL | {"more": True}, "split", False),
    ],
)
def test_what_is_used_against_what_was_told(
    told: dict[str, bool], found: dict[str, bool], cell: str, expected: bool
) -> None:
    assert differ(found, told, cell) is expected


def asked(found: dict[str, bool] | None, **more: Any) -> RunConfig:
    """A run of two stages with split cells, of which so much was found before."""
    sizes = {"layers": 2, "hidden": 6, "vocab": 21, "batch": 4, "sequence_length": 4, "gpus": 2}
    options: dict[str, Any] = {
        "microbatches": 2,
        "partition": "1,1",
        "cell": "split",
        "synthetic": True,
        "steps": 1,
    }
    return msgspec.structs.replace(resolve(RunOptions(**(sizes | options | more))), found=found)


@pytest.mark.parametrize("works", [True, False])
def test_a_launch_reports_that_it_used_another_one(monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    if not works:
        monkeypatch.setattr(Packed, "by", refuse)
    config = asked(TOLD)
    job = messages.Job(config=config, data=None, form=messages.Form("fused"), host_flops_per_s=1e9)
    pair = EmulatedPair(job, network_of(config))
    pair.choose(messages.Form("fused"))
    reports: list[messages.Message] = []
    time_blocks(job, 0, [pair], reports.append)
    (measured,) = (each for each in reports if isinstance(each, messages.Measured))
    assert measured.launch.other_library == (UNSET if works else [0])
    assert pair.network.found == (TOLD if works else USUAL)


def refuse(*_: object) -> object:
    raise RuntimeError("could not create a primitive descriptor")


@pytest.mark.parametrize("there", [True, False])
def test_zb_h1_of_another_model_runs_without_private_operations_too(
    monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(products, "_private_are_right", lambda: there)
    if not there:
        monkeypatch.setattr(products.Onednn, "of_input", refuse)
    onednn = {"onednn_projection": True, "onednn_blocks": True}
    config = asked(None, model="transformer", schedule="zb-h1", hidden=8)
    job = messages.Job(config=config, data=None, host_flops_per_s=1e9)
    pair = EmulatedPair(job, network_of(msgspec.structs.replace(config, found=onednn)))
    pair.choose(messages.Form("chain"))
    assert pair.verify().max_relative_gradient_error < 1e-5
    assert pair.network.found == onednn | {"onednn_gradient_products": there}


class Case(msgspec.Struct):
    """What ranks are told, what each would find to be the fastest, and on which of them ``packed`` does not work."""

    config: RunConfig
    fastest: Sequence[str]
    breaks_on: Sequence[int]


def serve(rank: int, encoded: bytes, folder: str, connection: Connection) -> None:
    """A rank: sends the libraries of its stages, what its network found, and the ranks with another library."""
    import torch

    from pipebench.engine import group
    from pipebench.launching.rendezvous.place import on_one_machine
    from pipebench.measuring.ranked_pair import RankedPair
    from pipebench.models.stacked_lstm import network

    torch.set_num_threads(1)
    case = msgspec.msgpack.decode(encoded, type=Case)
    network.fastest_products = lambda *_: named(case.fastest[rank])  # type: ignore[attr-defined]
    if rank in case.breaks_on:
        Packed.by = refuse  # type: ignore[method-assign,assignment]
    try:
        data = given_to(case.config).data
        job = messages.Job(config=case.config, data=data)
        pair = RankedPair(
            job, network_for(case.config, data), on_one_machine(rank, case.config.ranks), Path(folder)
        )
        pair.prime()
        used = [stage.split.products for stage in pair.pipeline.executor.stages.values()]  # type: ignore[attr-defined]
        connection.send((used, pair.network.found, pair.other_library()))
    finally:
        group.leave()


def on_ranks(case: Case, folder: Path) -> list[Any]:
    Heartbeats(folder / "heartbeats", case.config.ranks).close()
    CONTEXT.set_forkserver_preload(PRELOADED)
    pipes = [CONTEXT.Pipe() for _ in range(case.config.ranks)]
    encoded = msgspec.msgpack.encode(case)
    processes = [
        CONTEXT.Process(target=serve, args=(rank, encoded, str(folder), theirs), daemon=True)
        for rank, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _, theirs in pipes:
        theirs.close()
    assert all(ours.poll(120) for ours, _ in pipes)
    found = [ours.recv() for ours, _ in pipes]
    for process in processes:
        process.join(60)
    return found


@pytest.mark.parametrize(
    ("told", "fastest", "breaks_on", "used", "apart"),
    [
        (None, ("onednn", "packed"), (), ("onednn", "onednn"), []),
        (None, ("packed", "onednn"), (), ("packed", "packed"), []),
        (None, ("packed", "packed"), (1,), ("packed", "blas"), [1]),
        (TOLD, ("onednn", "onednn"), (), ("packed", "packed"), []),
        (TOLD, ("onednn", "onednn"), (0,), ("blas", "blas"), [0, 1]),
    ],
    ids=["rank 0 decides", "by noise", "one rank cannot", "told before", "rank 0 cannot"],
)
def test_real_ranks_use_one_library(
    tmp_path: Path,
    told: dict[str, bool] | None,
    fastest: Sequence[str],
    breaks_on: Sequence[int],
    used: Sequence[str],
    apart: list[int],
) -> None:
    config = asked(told, device="cpu", schedule="zb-h1")
    first, second = on_ranks(Case(config, fastest, breaks_on), tmp_path)
    assert (first[0], second[0]) == ([used[0]], [used[1]])
    assert (first[2], second[2]) == (apart, [])
    for (_, found, _), name in zip((first, second), used, strict=True):
        assert found_products(named(name)).items() <= found.items()


def named(name: str) -> Products:
    return next(each for each in LIBRARIES if each.name == name)
