"""Whole runs of the command as files: what was typed, the exit code, stdout and stderr."""

import re
from pathlib import Path

from tests.cli.conftest import Ended

FOLDER = Path(__file__).parent / "golden"
_RAN = re.compile(r' (time|timestamp|hostname)="[^"]+"')  # of JUnit: when, how long and where the command ran
_LONG = re.compile(r"-?\d+\.\d{9,}(e[-+]?\d+)?")


def check(name: str, arguments: tuple[str, ...], ended: Ended, *, write: bool) -> None:
    """Compare a run with its file, or write the file. The last digits of a long figure are the platform's."""
    typed = " ".join(("pipebench", *arguments))
    out = _RAN.sub(r' \1="..."', _rounded(ended.out))
    text = f"$ {typed}\n{out}--- stderr\n{_rounded(ended.err)}--- exit {ended.code}\n"
    path = FOLDER / f"{name}.txt"
    if write:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def _rounded(text: str) -> str:
    return _LONG.sub(lambda figure: f"{float(figure[0]):.8g}", text)
