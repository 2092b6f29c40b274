"""Small runs of texts, and texts that are refused."""

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Ended, Pipebench

SMALL = ("--preset", "tiny", "--launches", "1", "--steps", "1", "--gpus", "2", "--layers", "2")
WORDS = "the quick brown fox jumps over the lazy dog, and so on. "


def run(pipebench: Pipebench, folder: Path, *options: str) -> tuple[Ended, dict[str, Any]]:
    """A small run to its end, and its record."""
    ended = pipebench("run", *SMALL, *options, "--json", "-o", str(folder / "runs"))
    assert ended.code == 0, ended.err
    return ended, json.loads(ended.out)


def refused(pipebench: Pipebench, path: Path) -> str:
    """The one line with which a text is refused, before anything is measured or left behind."""
    ended = pipebench("run", *SMALL, "--text", path.name, cwd=path.parent)
    assert (ended.code, ended.out) == (2, "")
    assert not (path.parent / "results").exists()
    (line,) = [line for line in ended.err.splitlines() if not line.startswith("  0% ")]
    return line
