"""The examples for launchers: what runs them is tested in tests/hosts, the others are read."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from pipebench.cli.app import application

EXAMPLES = Path(__file__).parents[2] / "examples"


def options_of_run() -> set[str]:
    command = typer.main.get_command(application(["run"]))
    (run,) = command.commands.values()  # type: ignore[attr-defined]
    return {name for parameter in run.params for name in parameter.opts}


@pytest.mark.parametrize("script", ["torchrun/run.sh", "slurm/pipebench.sbatch"])
def test_a_script_is_one(script: str) -> None:
    shell = "sh" if script.endswith(".sh") else "bash"
    done = subprocess.run([shell, "-n", str(EXAMPLES / script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_torchrun_without_its_machines_says_what_it_needs() -> None:
    done = subprocess.run(
        ["sh", str(EXAMPLES / "torchrun/run.sh")],
        env={"PATH": "/bin:/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "how many machines" in done.stderr


def test_slurm_starts_a_process_a_gpu_and_enough_launches_for_a_verdict() -> None:
    text = (EXAMPLES / "slurm/pipebench.sbatch").read_text()
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", text, re.MULTILINE))
    assert asked["ntasks-per-node"] == asked["gpus-per-node"]
    words = shlex.split(
        next(line for line in text.splitlines() if "srun" in line and "pipebench run" in line)
    )
    assert {word for word in words[words.index("run") :] if word.startswith("--")} <= options_of_run()
    (loop,) = re.findall(r"^for launch in ([0-9 ]+);", text, re.MULTILINE)
    assert len(loop.split()) >= 4


def test_kubernetes_starts_torchrun_in_all_pods_alike() -> None:
    job = yaml.safe_load((EXAMPLES / "kubernetes/pytorchjob.yaml").read_text())
    replicas = job["spec"]["pytorchReplicaSpecs"]
    assert set(replicas) == {"Master", "Worker"}
    assert replicas["Master"]["template"] == replicas["Worker"]["template"]
    (container,) = replicas["Master"]["template"]["spec"]["containers"]
    assert container["command"] == ["torchrun", "--max-restarts", "0", "-m", "pipebench", "run"]
    assert {word for word in container["args"] if word.startswith("--")} <= options_of_run()
    assert str(container["resources"]["limits"]["nvidia.com/gpu"]) == job["spec"]["nprocPerNode"]
