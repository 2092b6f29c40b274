"""Started by a launcher: a run is joined, all else is refused with the command to use instead."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, TINY, Pipebench, environment

RUN = ("run", "--gpus", "2", "--device", "cpu", *TINY, "--launches", "1", "--steps", "1")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--no-python")


def torchrun(ranks: int, *arguments: str, cwd: Path, **told: str) -> "subprocess.CompletedProcess[str]":
    command = [*TORCHRUN, f"--nproc-per-node={ranks}", str(COMMAND), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment(**told), timeout=120, check=False
    )


def test_two_ranks_of_torchrun_on_one_machine_are_one_run(tmp_path: Path) -> None:
    ended = torchrun(2, *RUN, "--json", "-o", "my results", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    record = json.loads(ended.stdout)
    assert (record["clock"], record["device"]["count"], len(record["device"]["ranks"])) == ("wall", 2, 2)
    (path,) = (tmp_path / "my results").iterdir()
    assert json.loads(path.read_text()) == record


def test_one_rank_of_torchrun_in_a_batch_script_is_one_process(tmp_path: Path) -> None:
    batch = {"SLURM_PROCID": "0", "SLURM_NTASKS": "2", "PET_NNODES": "1"}
    ended = torchrun(1, *RUN, "--json", "-o", "runs", cwd=tmp_path, **batch)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["device"]["count"] == 2


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        (("reproduce",), "pipebench reproduce"),
        (("calibrate", "--", "--gpus", "2"), "pipebench calibrate -- --gpus 2"),
        (
            ("ab", "--b-run", "--schedule naive", "--", "--gpus", "2"),
            "pipebench ab --b-run '--schedule naive' -- --gpus 2",
        ),
        (
            ("guard", "--metric", "x", "--b-env", "X=1", "--", "true"),
            "pipebench guard --metric x --b-env X=1 -- true",
        ),
    ],
)
def test_a_step_of_several_tasks_is_refused_by_all_that_measures(
    pipebench: Pipebench, tmp_path: Path, arguments: tuple[str, ...], again: str
) -> None:
    ended = pipebench(*arguments, cwd=tmp_path, SLURM_PROCID="0", SLURM_STEP_NUM_TASKS="2")
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.endswith(f"start it without srun: {again}")
    assert not list(tmp_path.iterdir())


def test_what_mpirun_starts_is_refused_with_the_command_to_use(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench(
        *RUN, "-o", "my results", cwd=tmp_path, OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="1"
    )
    assert (ended.code, ended.out) == (2, "")
    again = f"pipebench {shlex.join(RUN)} -o 'my results'"
    assert ended.err.rstrip().endswith(f"start it without mpirun: {again}")
    assert not list(tmp_path.iterdir())
    assert pipebench(*shlex.split(again)[1:], "--dry-run", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    "arguments", [("run", "--gpus", "2", "--dry-run"), ("simulate", "--stages", "2"), ("list",)]
)
def test_what_measures_nothing_goes_on(
    pipebench: Pipebench, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    assert pipebench(*arguments, cwd=tmp_path, OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="1").code == 0
