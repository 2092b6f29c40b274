"""What the system refuses is told with cause and next step, whoever's words it came in."""

import errno
import os
import sys

import pytest

from pipebench import refusals
from pipebench.errors import EnvironmentRefusedError

WANTED = "a launch cannot be started"


def told(error: OSError) -> str:
    with pytest.raises(EnvironmentRefusedError) as refused, refusals.told(WANTED):
        raise error
    assert refused.value.__cause__ is error
    assert str(refused.value).startswith(f"{WANTED}: ")
    return str(refused.value).removeprefix(f"{WANTED}: ")


def of(number: int, filename: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), filename)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (
            errno.ENOSPC,
            "no space is left in {temporary}, the folder for temporary files: free some, or name another",
        ),
        (errno.EDQUOT, "no space is left in"),
        (errno.EROFS, "cannot be written: name another folder with TMPDIR"),
        (errno.EACCES, "cannot be written: name another folder with TMPDIR"),
        (errno.EFBIG, "(ulimit -f)"),
        (errno.EMFILE, "too many files are open (at most "),
        (errno.EAGAIN, "no further process or thread may be started"),
        (errno.ENOMEM, "too little memory or address space"),
        (errno.ENOLCK, "files in {temporary}, the folder for temporary files cannot be locked"),
    ],
)
def test_a_number_of_the_system_s_becomes_cause_and_next_step(
    number: int, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    text = told(of(number))
    assert words.format(temporary=temporary) in text
    assert os.strerror(number) not in text


def test_the_file_names_the_folder() -> None:
    assert told(of(errno.ENOSPC, "/scratch/pipebench-x/job.msgpack")).startswith(
        "no space is left in /scratch/pipebench-x: free some"
    )


def test_a_python_that_is_gone_and_a_missing_temporary_folder_have_words_of_their_own() -> None:
    assert "the Python that runs pipebench cannot be started any more" in told(
        of(errno.ENOENT, sys.executable)
    )
    missing = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    assert told(missing) == "no folder for temporary files can be written: name one with TMPDIR"


def test_what_nobody_thought_of_is_told_with_its_place() -> None:
    assert told(of(errno.EIO, "/x")) == f"the system refused with {os.strerror(errno.EIO)} (/x)"


def test_no_error_is_no_refusal() -> None:
    with refusals.told(WANTED):
        pass
    with pytest.raises(ValueError, match="ours"), refusals.told(WANTED):
        raise ValueError("ours")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[enforce fail at pair.cc] socket: Too many open files", "too many files are open"),
        ("Resource temporarily unavailable", "no further process or thread may be started"),
        ("flock: No locks available", "cannot be locked"),
        ("Connection reset by peer", None),
        ("Permission denied", None),
    ],
)
def test_a_library_s_text_is_searched_for_the_system_s(text: str, words: str | None) -> None:
    why = refusals.why(text)
    assert (why is None) if words is None else (why is not None and words in why)
