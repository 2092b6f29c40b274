"""The README's commands print what it shows, and the files it names are there."""

import re
import shlex
from pathlib import Path

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


def test_every_link_within_the_repository_leads_somewhere() -> None:
    for document in ROOT.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{document.name}: {target}"


def test_no_placeholder_is_left() -> None:
    assert "<!--" not in TEXT
