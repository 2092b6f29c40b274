"""The installed command, run as a user runs it."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

COMMAND = Path(sys.executable).with_name("pipebench")
CACHE = TemporaryDirectory(prefix="pipebench-test-cache-")  # of this session: the user's own stays as it is
TINY = ("--preset", "tiny", "--synthetic")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Pipebench = Callable[..., Ended]


def environment(**changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"PIPEBENCH_INJECT", "NO_COLOR", "COLUMNS"}}
    path = os.pathsep.join([str(COMMAND.parent), kept.get("PATH", os.defpath)])  # as after installation
    return kept | {"XDG_CACHE_HOME": CACHE.name, "PATH": path} | changes


def cpu_s(call: Callable[[], object]) -> float:
    """CPU seconds of all processes that were started and ended in the call."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


_LIBRARIES = "import msgspec.json, rich.console, rich.table, typer, typer._adapters"
_LIBRARIES_S = 0.13  # what they took where the limits below were set


def limit_s(seconds: float) -> float:
    """A limit on CPU seconds; more of them on a machine where the libraries alone take longer to start."""

    def start() -> None:
        subprocess.run([sys.executable, "-c", _LIBRARIES], check=True)

    return seconds * max(1.0, min(cpu_s(start) for _ in range(5)) / _LIBRARIES_S)


def unheard(*arguments: str, cwd: Path, **changes: str) -> int:
    """The exit code of a command that writes to a reader who has left."""
    reader, writer = os.pipe()
    os.close(reader)
    ended = _ended(arguments, cwd, changes, stdout=writer, stderr=writer)
    os.close(writer)
    return ended.returncode


def _ended(
    arguments: tuple[str, ...], cwd: Path | None, changes: dict[str, str], **streams: int
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [COMMAND, *arguments],
        text=True,
        cwd=cwd,
        env=environment(**changes),
        timeout=600,
        check=False,
        **streams,
    )


@pytest.fixture(scope="session")
def pipebench() -> Pipebench:
    def run(*arguments: str, cwd: Path | None = None, **changes: str) -> Ended:
        ended = _ended(arguments, cwd, changes, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run


@dataclass(frozen=True)
class CompletedRun:
    folder: Path
    path: Path
    printed: str
    record: dict[str, Any]


@pytest.fixture(scope="session")
def completed(pipebench: Pipebench, tmp_path_factory: pytest.TempPathFactory) -> CompletedRun:
    """One complete emulated run, shared by all tests that look at its record."""
    folder = tmp_path_factory.mktemp("runs")
    ended = pipebench("run", "--gpus", "4", *TINY, "--quick", "--json", "-o", str(folder))
    assert ended.code == 0, ended.err
    (path,) = folder.glob("*.json")
    return CompletedRun(folder, path, ended.out, json.loads(ended.out))


@pytest.fixture(scope="session")
def write_golden(pytestconfig: pytest.Config) -> bool:
    """Whether golden files are written instead of compared with."""
    return bool(pytestconfig.getoption("--write-golden"))
