"""The tables in the studies' READMEs are what their commands print from the committed records."""

import ast
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
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


@pytest.mark.parametrize(
    "script", sorted(str(path.relative_to(ROOT)) for path in (ROOT / "benchmarks").rglob("*.py"))
)
def test_a_study_imports_what_there_is(script: str) -> None:
    """No study runs in the tests, and names move."""
    for node in ast.walk(ast.parse((ROOT / script).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipebench"):
            module = import_module(node.module or "")
            for alias in node.names:
                there = hasattr(module, alias.name) or find_spec(f"{node.module}.{alias.name}")
                assert there, f"{node.module} has no {alias.name}"
