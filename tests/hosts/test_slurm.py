"""One real ``srun`` on a cluster of one machine, made for the test: Slurm's own variables, its signals, its exit code.

With HOSTS=all (``make hosts``), where root and Debian's packages slurmd, slurmctld, slurm-client and munge are there.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli.conftest import COMMAND, environment
from tests.hosts.launching import RUN, free_port, records

_NEEDED = ("munged", "slurmctld", "slurmd", "srun", "sinfo")
_CONFIG = """
ClusterName=pipebench
SlurmctldHost={host}
SlurmctldPort={controller_port}
SlurmdPort={daemon_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    if os.environ.get("HOSTS") != "all":
        return "make hosts"
    if os.geteuid() != 0:
        return "not root"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    return f"{', '.join(missing)} not installed" if missing else None


MISSING = why_not()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=f"Slurm: {MISSING}")


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    """The environment in which ``srun`` finds it."""
    with TemporaryDirectory(prefix="pipebench-slurm-") as name:
        folder = Path(name)
        for inner in ("state", "spool"):
            (folder / inner).mkdir()
        folder.chmod(0o755)
        config = folder / "slurm.conf"
        ports = {"controller_port": free_port(), "daemon_port": free_port()}
        config.write_text(_CONFIG.format(host=socket.gethostname(), folder=folder, **ports))
        told = environment(SLURM_CONF=str(config))
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o400)
        kept = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
        files = [f"--socket={folder}/munge.socket", *kept]
        commands = (["munged", "--foreground", "--force", *files], ["slurmctld", "-D"], ["slurmd", "-D"])
        started = []
        try:
            for command in commands:
                with (folder / f"{command[0]}.out").open("wb") as output:
                    started.append(subprocess.Popen(command, env=told, stdout=output, stderr=output))
                time.sleep(0.5)
            until = time.monotonic() + 30
            while "idle" not in (state := asked(told, "sinfo", "--noheader", "--format=%T")):
                logs = "\n".join(log.read_text()[-1500:] for log in folder.glob("*.log"))
                assert time.monotonic() < until, f"the cluster does not come up: {state!r}\n{logs}"
                time.sleep(0.2)
            yield told
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(20)


def asked(told: dict[str, str], *command: str) -> str:
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False, timeout=30).stdout


def srun(told: dict[str, str], folder: Path, ranks: int, *more: str) -> "subprocess.Popen[str]":
    words = ["srun", "--kill-on-bad-exit=1", f"--ntasks={ranks}", "--overcommit"]
    words += [str(COMMAND), "run", *RUN, "-o", str(folder / "records"), *more]
    return subprocess.Popen(
        words, env=told, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_srun_of_four_tasks_is_one_run(cluster: dict[str, str], tmp_path: Path) -> None:
    process = srun(cluster, tmp_path, 4)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    record = json.loads(out)
    assert (record["clock"], record["device"]["count"], record["status"]) == ("wall", 4, "completed")
    assert [rank["local_rank"] for rank in record["device"]["ranks"]] == [0, 1, 2, 3]
    assert len(records(tmp_path)) == 1


def test_a_step_that_is_cancelled_keeps_its_record(cluster: dict[str, str], tmp_path: Path) -> None:
    process = srun(cluster, tmp_path, 2, "--steps", "100000", "--deadline", "600")
    until = time.monotonic() + 60
    while not (job := asked(cluster, "squeue", "--noheader", "--format=%i", "--states=RUNNING").strip()):
        assert time.monotonic() < until
        time.sleep(0.2)
    time.sleep(12)  # torch has been loaded, and the ranks have met
    began = time.monotonic()
    asked(cluster, "scancel", job)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert process.returncode != 0
    (path,) = records(tmp_path)
    assert json.loads(path.read_text())["status"] in ("aborted", "failed")
    assert "terminated" in err


def test_a_rank_that_raises_ends_the_step(cluster: dict[str, str], tmp_path: Path) -> None:
    process = srun(cluster | {"PIPEBENCH_INJECT": "raise@timed:1"}, tmp_path, 2)
    _, err = process.communicate(timeout=120)
    assert process.returncode in (6, 143)
    assert f"rank 1 on {socket.gethostname()}: RuntimeError: injected at timed" in err
    (path,) = records(tmp_path)
    assert json.loads(path.read_text())["status"] == "failed"
