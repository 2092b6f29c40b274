"""What the keeper says of a command's end. What it ends is in ``test_running``."""

import os
import subprocess
import sys

import pytest

from pipebench.guard import keeper


def kept(*command: str, stdin: int = subprocess.PIPE) -> "tuple[str, subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", keeper.__file__, "2", *command],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        told = process.stdout.read()
    if process.stdin is not None:
        process.stdin.close()
    process.wait(20)
    return told, process


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["sh", "-c", "exit 3"], "exit 3\n"),
        (["sh", "-c", "kill -9 $$"], "signal 9\n"),
        (["/nowhere"], "cannot No such file or directory\n"),
    ],
)
def test_the_end_is_told(command: list[str], told: str) -> None:
    started, end = kept(*command)[0].splitlines(keepends=True)
    assert (end, started.split()[0], started.split()[1].isdecimal()) == (told, "started", True)


def test_an_end_of_its_stdin_ends_the_command() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    told, process = kept("sleep", "60", stdin=reader)
    os.close(reader)
    assert (told.splitlines()[1:], process.returncode) == (["signal 15"], 0)
