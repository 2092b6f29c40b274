import sys
import time
from pathlib import Path

import pytest

from pipebench.ab import answers
from pipebench.ab.sides import Side
from pipebench.errors import EnvironmentRefusedError


def side(folder: Path, script: str) -> Side:
    """One whose interpreter is a shell script."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Side("A", "x", python=str(program))


def test_an_answer_is_what_a_process_printed_and_how_it_ended(tmp_path: Path) -> None:
    ended = answers.ended(side(tmp_path, "echo one; echo two >&2; exit 5"), [])
    assert (ended.returncode, ended.stdout, ended.stderr) == (5, b"one\n", b"two\n")


def test_one_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(EnvironmentRefusedError, match=r"did not answer within 0\.5 s"):
        answers.ended(side(tmp_path, "exec sleep 1000"), [], within_s=0.5)
    assert time.monotonic() - begun < 60


def test_one_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError, match="prints without end"):
        answers.ended(side(tmp_path, "exec yes"), [], most=1000)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "Fatal Python error: x\nModuleNotFoundError: No module named 'encodings'\n\nThread 1:\n  <no one>\n",
            "ModuleNotFoundError: No module named 'encodings'",
        ),
        ("first\nlast\n", "last"),
        ("ValueError: one\ntorch.cuda.OutOfMemoryError: two\nexit 1\n", "torch.cuda.OutOfMemoryError: two"),
        (
            "[default1]:[rank1]: RuntimeError: boom\n[rank0]: RuntimeError: lost\nx.ChildFailedError:\n",
            "[default1]:[rank1]: RuntimeError: boom",
        ),
        ("it failed\n=====\n", "it failed"),
        ("[rank1]: RuntimeError: boom\n\ntorch.x.ChildFailedError:\n=====\n", "[rank1]: RuntimeError: boom"),
        (
            "[rank1]: RuntimeError: Connection closed by peer\n[rank0]: ValueError: real cause\n",
            "[rank0]: ValueError: real cause",
        ),
        (
            "ValueError: real cause\nConnectionResetError: [Errno 104] Connection reset by peer\n",
            "ValueError: real cause",
        ),
        ("RuntimeError: Connection closed by peer\n", "RuntimeError: Connection closed by peer"),
        (
            "ImportError: no x, going on\nSegmentation fault (core dumped)\n",
            "Segmentation fault (core dumped)",
        ),
        (
            "ImportError: no x, going on\nrun.sh: line 3: 77 Killed  python\n",
            "run.sh: line 3: 77 Killed  python",
        ),
        ("x.OldError: DeprecationWarning: y\nit failed\n", "it failed"),
        ("ValueError: \x1b[31mred\x1b[0m\ttext\0\n", "ValueError: red text"),
        ("\0" * 262_144 + "\n", ""),
        ("RuntimeError: " + "x" * 60_000 + "\n", "RuntimeError: " + "x" * 286 + "..."),
        ("", ""),
    ],
)
def test_the_line_that_names_the_error_is_the_telling_one(text: str, line: str) -> None:
    assert answers.telling_line(text.encode()) == line


def test_our_own_interpreter_answers() -> None:
    ended = answers.ended(Side("A", "x", python=sys.executable), ["-c", "print(1)"], within_s=60.0)
    assert (ended.returncode, ended.stdout) == (0, b"1\n")
