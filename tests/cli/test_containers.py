"""Runs in a container that allows less than its machine has: by a real group where one can be made, and by files."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipebench.cli.main import run as command
from pipebench.telemetry import cgroup
from tests.cli.conftest import COMMAND, TINY, environment
from tests.telemetry.hierarchies import version_1, version_2

HIERARCHY = Path("/sys/fs/cgroup")
TWO = ("run", *TINY, "--gpus", "2", "--layers", "2", "--launches", "1", "--steps", "1")
CPU = (*TWO, "--device", "cpu", "--json")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The root of another file system, where groups are looked for."""
    root = tmp_path / "machine"
    monkeypatch.setattr(cgroup, "ROOT", root)
    monkeypatch.chdir(tmp_path)
    return root


def ran(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = command(arguments)
    told = capfd.readouterr()
    return code, told.out, told.err


def test_a_quota_of_one_core_is_shared_by_two_processes(
    machine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    version_2(machine, job__cpu___max="100000 100000\n")
    code, out, err = ran(capfd, *CPU)
    assert code == 0, err
    record = json.loads(out)
    assert record["environment"]["cpu_quota_cores"] == 1.0
    (shared,) = [each for each in record["warnings"] if each["code"] == "cores-shared"]
    assert "2 devices share 1 core, all that the container's quota allows" in shared["cause"]
    assert "raise the quota" in shared["next_step"]
    assert not any("stop other programs" in each["next_step"] for each in record["warnings"])


@pytest.mark.parametrize("version", [1, 2])
def test_what_does_not_fit_below_the_container_s_limit_is_refused(
    version: int, machine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if version == 2:
        version_2(machine, job__memory___max=f"{300 * 2**20}\n", job__memory___current=f"{100 * 2**20}\n")
    else:
        version_1(
            machine,
            memory__docker__memory___limit_in_bytes=f"{300 * 2**20}\n",
            memory__docker__memory___usage_in_bytes=f"{100 * 2**20}\n",
        )
    for more in ((), ("--dry-run",)):
        code, out, err = ran(capfd, *TWO, "--device", "emulated", *more)
        assert code == 7
        assert out == ""
        assert "would not fit in memory: " in err
        assert "the container's limit leaves 0.2 GiB" in err


def test_a_real_quota_is_found_where_one_can_be_set(tmp_path: Path) -> None:
    group = _made_group()
    if group is None:  # not root, or a machine that lets nobody make groups: the tests above stand for it
        return
    try:
        ended = subprocess.run(
            ["bash", "-c", 'echo $$ > "$0"; exec "$@"', group / "cgroup.procs", COMMAND, *CPU],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        group.rmdir()
    assert ended.returncode == 0, ended.stderr
    record = json.loads(ended.stdout)
    assert record["environment"]["cpu_quota_cores"] == 1.0
    assert record["environment"]["cpu_throttled_s"] >= 0
    assert "cores-shared" in {each["code"] for each in record["warnings"]}


def _made_group() -> Path | None:
    """A group of this test's own with a quota of one core."""
    for parent, files in (
        (HIERARCHY / "cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"}),
        (HIERARCHY, {"cpu.max": "100000 100000"}),
    ):
        group = parent / f"pipebench-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            for name, text in files.items():
                (group / name).write_text(text)
        except OSError:
            group.rmdir()
            continue
        return group
    return None
