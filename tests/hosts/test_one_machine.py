"""Ranks of one machine, as Slurm's variables tell them: record, exit codes, what is refused, pretended GPUs."""

import os
import socket
from pathlib import Path

import pytest

from tests import pretend
from tests.cli.conftest import Pipebench
from tests.hosts.launching import (
    begun_by_hand,
    by_hand,
    end,
    of_rank_0_alone,
    records,
    slurm,
    until_listening,
)

slow = pytest.mark.skipif(os.environ.get("HOSTS") != "all", reason="make hosts")


def test_srun_is_joined_by_its_variables(tmp_path: Path) -> None:
    ended = by_hand(2, tmp_path, **slurm(2))
    record = of_rank_0_alone(ended, tmp_path)
    assert record.device.count == 2
    assert len(record.device.links) == 1
    assert record.launches[0].host_clocks == []


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("raise@timed:1", 6, "rank 1 on {host}: RuntimeError: injected at timed"),
        pytest.param("mismatch", 6, "rank 0 on {host}: verification: ", marks=slow),
        pytest.param("memory@start:1", 6, "rank 1 on {host}: out of memory", marks=slow),
    ],
)
def test_all_ranks_end_with_one_exit_code(tmp_path: Path, fault: str, code: int, words: str) -> None:
    ended = by_hand(2, tmp_path, PIPEBENCH_INJECT=fault, **slurm(2))
    assert [each.code for each in ended] == [code, code]
    assert words.format(host=socket.gethostname()) in ended[0].told
    assert ended[1].told == ""
    assert len(records(tmp_path)) == 1


def test_what_rank_0_refuses_ends_all(tmp_path: Path) -> None:
    ended = by_hand(2, tmp_path, "--layers", "0", **slurm(2))
    assert [each.code for each in ended] == [2, 2]
    assert "--layers must be at least 1" in ended[0].told
    assert ended[1].told == ""
    assert records(tmp_path) == []


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"RANK": "0", "WORLD_SIZE": "2"}, 2, "start it by torchrun: torchrun --nnodes 2 --node-rank 0"),
        ({"PET_NNODES": "2"}, 2, "start it by torchrun: torchrun -m pipebench run"),
    ],
)
def test_a_rank_that_cannot_be_told_is_refused_with_the_command(
    pipebench: Pipebench, tmp_path: Path, environment: dict[str, str], code: int, words: str
) -> None:
    ended = pipebench("run", "--gpus", "2", "--device", "cpu", cwd=tmp_path, **environment)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--gpus", "3"), "--gpus 3: expected 2, a device for each rank that srun started"),
        (("--device", "emulated"), "--device emulated: srun started 2 ranks"),
        (("--quick",), "--quick: srun started one launch"),
    ],
)
def test_what_does_not_fit_the_ranks_is_refused_at_once(
    pipebench: Pipebench, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    told = {name: text.format(rank=0) for name, text in slurm(2).items()}
    ended = pipebench("run", *options, cwd=tmp_path, **told)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def pretended(ranks: int, **more: str) -> dict[str, str]:
    root = Path(pretend.__file__).parent
    path = os.pathsep.join(map(str, (root, root.parent.parent, os.environ.get("PYTHONPATH", ""))))
    return slurm(ranks) | {"PYTHONPATH": path, "PRETEND_GPUS": str(ranks)} | more


@pytest.mark.parametrize("shown", ["0,1", "{rank}"], ids=["all GPUs shown", "each its own"])
def test_ranks_on_pretended_gpus_have_one_each(tmp_path: Path, shown: str) -> None:
    """Whether a launcher shows all GPUs to each rank, or its own alone."""
    more = pretended(2, CUDA_VISIBLE_DEVICES=shown)
    record = of_rank_0_alone(by_hand(2, tmp_path, "--device", "cuda", **more), tmp_path)
    assert (record.device.kind, record.device.count) == ("cuda", 2)
    assert [rank.local_rank for rank in record.device.ranks] == [0, 1]
    assert all(rank.uuid and rank.uuid.startswith("GPU-") and rank.pci for rank in record.device.ranks)
    names = ["Pretended GPU 0", "Pretended GPU 1" if shown == "0,1" else "Pretended GPU 0"]
    assert record.device.names == names
    assert record.verification is not None
    assert record.verification.max_relative_gradient_error <= 1e-5
    assert record.baseline is not None
    assert shown == "0,1" or record.baseline.device == 0  # rank 0 reaches no other one


def test_ranks_measure_their_own_gpus_for_a_balanced_partition(tmp_path: Path) -> None:
    """Two launches of all ranks, one for the speeds and one for the run. GPU 0 is pretended to be very slow."""
    options = ("--device", "cuda", "--partition", "balanced", "--layers", "5")
    more = pretended(2, CUDA_VISIBLE_DEVICES="0,1", PRETEND_TIMES="99,1")
    record = of_rank_0_alone(by_hand(2, tmp_path, *options, **more), tmp_path)
    assert record.config.partition == [1, 4]
    assert record.status == "completed"


@slow
def test_a_job_of_many_bytes_reaches_all_ranks(tmp_path: Path) -> None:
    """Its batches are more than torch's store takes at once."""
    sizes = (
        "--batch",
        "512",
        "--sequence-length",
        "300",
        "--layers",
        "2",
        "--hidden",
        "4",
        "--dtype",
        "float64",
    )
    ended = by_hand(2, tmp_path, *sizes, "--steps", "1", "--warmup", "0", **slurm(2))
    assert of_rank_0_alone(ended, tmp_path).config.batch == 512


def test_two_jobs_that_meet_at_one_port_do_not_mix(tmp_path: Path) -> None:
    """As scripts do that all export the same MASTER_PORT."""
    one, other = slurm(2), slurm(2) | {"SLURM_JOB_ID": "78"}
    other["MASTER_PORT"] = one["MASTER_PORT"]
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    first = begun_by_hand(2, folders[0], "--steps", "60", **one)
    until_listening(one["MASTER_PORT"])
    second = begun_by_hand(2, folders[1], **other)
    of_rank_0_alone(end(first), folders[0])
    refused, stray = second
    assert stray.poll() is None  # waits for its own rank 0; srun ends it, or its patience
    stray.kill()
    (told, _) = end([refused, stray])
    assert told.code == 7
    assert "cannot listen at localhost port" in told.told
    assert records(folders[1]) == []
