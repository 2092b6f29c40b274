"""What the system refuses is told with cause and next step, whoever's words it came in."""

import errno
import os
import sys

import pytest

from pipebench.errors import EnvironmentRefusedError
from pipebench.system import refusals

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
        (errno.ENOSPC, "no space left there; free some, or set TMPDIR to a folder on a local disk"),
        (errno.EROFS, "the file system there is read-only; set TMPDIR"),
        (errno.ENOENT, "there is no such folder; make it, or set TMPDIR"),
        (errno.EFBIG, "(ulimit -f); raise the limit"),
        (errno.EMFILE, "too many files are open; raise that limit (ulimit -n), or use fewer devices"),
        (errno.EAGAIN, "no further process or thread may be started; end other programs"),
        (errno.ENOMEM, "there is too little memory or address space; end other programs"),
        (errno.ENOLCK, "files there cannot be locked; set TMPDIR to a folder on a local disk"),
    ],
)
def test_a_number_of_the_system_s_becomes_cause_and_next_step(number: int, words: str) -> None:
    text = told(of(number))
    assert words in text
    assert os.strerror(number) not in text


def test_what_has_nothing_to_do_with_the_folder_asks_for_no_other() -> None:
    for number in (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM):
        assert "TMPDIR" not in told(of(number))


def test_the_file_is_named() -> None:
    assert told(of(errno.ENOSPC, "/scratch/x/job.msgpack")).startswith(
        "/scratch/x/job.msgpack: no space left there; free some"
    )


def test_a_python_that_is_gone_has_words_of_its_own() -> None:
    assert "the Python that runs pipebench cannot be started any more" in told(
        of(errno.ENOENT, sys.executable)
    )


def test_what_nobody_thought_of_is_told_with_its_place() -> None:
    assert told(of(errno.ECHILD, "/x")).startswith(f"/x: {os.strerror(errno.ECHILD)}; ")


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
