"""The tables in the studies' READMEs are what their commands print from the committed records."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Pipebench

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("study", "command"),
    [("faults", ["benchmarks/faults/measure.py", "results/faults/times.jsonl", "--table"])],
)
def test_a_script_prints_its_readmes_table(study: str, command: list[str]) -> None:
    printed = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip()
    assert printed.strip() in (ROOT / "benchmarks" / study / "README.md").read_text()


def test_the_schedules_are_compared_by_pipebench_itself(pipebench: Pipebench) -> None:
    ended = pipebench("compare", "results/schedules", "--by", "schedule", "--format", "md", cwd=ROOT)
    assert ended.code == 0, ended.err
    assert ended.out in (ROOT / "benchmarks" / "schedules" / "README.md").read_text()
