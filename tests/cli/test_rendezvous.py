"""Started by a launcher: once a rank is refused with the command to use instead, once goes on."""

import json
import re
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


def test_two_ranks_of_torchrun_are_refused_with_the_command_to_use(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    ended = torchrun(2, *RUN, "-o", "my results", cwd=tmp_path)
    assert ended.returncode != 0
    assert ended.stdout == ""
    (line, *_) = re.findall("pipebench: error: .*", ended.stderr)
    again = f"pipebench {shlex.join(RUN)} -o 'my results'"
    assert line.endswith(f"start it without torchrun: {again}")
    assert "exitcode: 2" in re.sub(r"exitcode *: *", "exitcode: ", ended.stderr)
    assert not list(tmp_path.iterdir())
    assert pipebench(*shlex.split(again)[1:], "--dry-run", cwd=tmp_path).code == 0


def test_one_rank_of_torchrun_in_a_batch_script_is_one_process(tmp_path: Path) -> None:
    batch = {"SLURM_PROCID": "0", "SLURM_NTASKS": "2", "PET_NNODES": "1"}
    ended = torchrun(1, *RUN, "--json", "-o", "runs", cwd=tmp_path, **batch)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["device"]["count"] == 2


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        (("run", "--gpus", "2"), "pipebench run --gpus 2"),
        (("run", "--gpus", "2", "--device", "cuda"), "pipebench run --gpus 2 --device cuda"),
        (("calibrate", "--", "--gpus", "2"), "pipebench calibrate -- --gpus 2"),
        (
            ("ab", "--b-run", "--schedule naive", "--", "--gpus", "2"),
            "pipebench ab --b-run '--schedule naive' -- --gpus 2",
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


@pytest.mark.parametrize(
    "arguments", [("run", "--gpus", "2", "--dry-run"), ("simulate", "--stages", "2"), ("list",)]
)
def test_what_measures_nothing_goes_on(
    pipebench: Pipebench, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    assert pipebench(*arguments, cwd=tmp_path, OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_RANK="1").code == 0
