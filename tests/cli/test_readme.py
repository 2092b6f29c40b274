"""The README's commands print what it shows, and the files it names are there."""

import json
import re
import shlex
from pathlib import Path

from pipebench.templates.filling import FIRING
from tests.cli.conftest import Pipebench

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n\$ pipebench ([^\n]*)\n(.*?)```", TEXT, flags=re.DOTALL)


def test_there_is_a_block_to_execute() -> None:
    assert BLOCKS


def test_every_command_with_its_output_is_true(pipebench: Pipebench) -> None:
    for command, expected in BLOCKS:
        ended = pipebench(*shlex.split(command), cwd=ROOT)
        assert ended.code == 0, ended.err
        assert ended.out == expected


def test_the_gate_that_it_promises_to_fire_fires(pipebench: Pipebench, tmp_path: Path) -> None:
    """Word for word what the README and ``init ci`` tell a user to try."""
    assert f"\n{FIRING}\n" in TEXT
    ended = pipebench("ab", "--json", *shlex.split(FIRING)[2:], cwd=tmp_path)
    assert ended.code == 3, ended.err
    document = json.loads(ended.out)
    assert document["metrics"]["speedup"]["verdict"] == "regression"
    assert document["metrics"]["speedup"]["change"] < -0.1


def test_every_link_within_the_repository_leads_somewhere() -> None:
    for document in ROOT.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{document.name}: {target}"


def test_no_placeholder_is_left() -> None:
    assert "<!--" not in TEXT
