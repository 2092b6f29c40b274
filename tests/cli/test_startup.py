"""The command starts in a blink, and only ``run`` ever needs torch."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, CompletedRun

ROOT = Path(__file__).parents[2]


def test_help_starts_in_under_300_ms() -> None:
    times = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run([COMMAND, "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3


def test_compare_answers_in_under_300_ms() -> None:
    records = [str(path) for path in sorted((ROOT / "results/noise/default").glob("*.json"))[:2]]
    times = []
    for _ in range(9):
        start = time.perf_counter()
        subprocess.run([COMMAND, "compare", *records], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3


@pytest.mark.parametrize(
    "command", ["help", "show", "list", "simulate", "dry-run", "compare", "check", "self-test"]
)
def test_torch_is_not_imported(command: str, completed: CompletedRun) -> None:
    arguments = {
        "help": ["run", "--help"],
        "show": ["show", str(completed.path)],
        "list": ["list", str(completed.folder)],
        "simulate": ["simulate"],
        "dry-run": ["run", "--dry-run"],
        "compare": ["compare", str(completed.path), str(completed.path)],
        "check": ["check", str(completed.path), "--against", str(completed.path), "--allow-inconclusive"],
        "self-test": ["check", "--self-test"],
    }[command]
    program = (
        "import sys; from pipebench.cli.main import run; code = run(sys.argv[1:]); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
