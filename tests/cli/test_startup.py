"""The command starts in a blink, and only ``run`` ever needs torch."""

import subprocess
import sys
import time

import pytest

from tests.cli.conftest import COMMAND, CompletedRun


def test_help_starts_in_under_300_ms() -> None:
    times = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run([COMMAND, "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3


@pytest.mark.parametrize("command", ["help", "show", "list", "simulate", "dry-run"])
def test_torch_is_not_imported(command: str, completed: CompletedRun) -> None:
    arguments = {
        "help": ["run", "--help"],
        "show": ["show", str(completed.path)],
        "list": ["list", str(completed.folder)],
        "simulate": ["simulate"],
        "dry-run": ["run", "--dry-run"],
    }[command]
    program = (
        "import sys; from pipebench.cli.main import run; code = run(sys.argv[1:]); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
