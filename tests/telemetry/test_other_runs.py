"""Whether another run measures on this machine; processes are what files are opened by, here in one process."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from pipebench.telemetry import other_runs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "pipebench"


def test_alone_from_the_beginning_to_the_end() -> None:
    for _ in range(2):
        with other_runs.watched() as another:
            assert not another()


def test_both_see_each_other_and_the_first_one_still_does_when_the_second_has_ended() -> None:
    with other_runs.watched() as first:
        assert not first()
        with other_runs.watched() as second:
            assert (first(), second()) == (True, True)
        assert first()
        with other_runs.watched() as third:
            assert third()


def test_what_another_one_left_is_nobody() -> None:
    with other_runs.watched(), other_runs.watched():
        pass
    with other_runs.watched() as another:
        assert not another()


def test_one_that_began_first_and_ends_last_is_seen_by_all() -> None:
    first, second = other_runs.watched(), other_runs.watched()
    with first:
        with second as another:
            assert another()
        with other_runs.watched() as later:
            assert later()


def test_runs_below_a_command_see_each_other_and_are_not_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with other_runs.watched() as command:
        monkeypatch.setenv(other_runs.BELOW, str(tmp_path / "below.lock"))
        with other_runs.watched() as inner:
            assert (command(), inner()) == (False, False)
            with other_runs.watched() as sibling:
                assert (command(), inner(), sibling()) == (False, True, True)
        monkeypatch.delenv(other_runs.BELOW)
        with other_runs.watched() as elsewhere:
            assert (command(), elsewhere()) == (True, True)


def test_where_files_cannot_be_locked_nobody_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with other_runs.watched() as first, other_runs.watched() as second:
        assert (first(), second()) == (False, False)


def test_a_folder_that_cannot_be_made_and_a_full_disk_are_no_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_text("in the way")
    with other_runs.watched() as another:
        assert not another()
    folder.unlink()

    def full(file: int, word: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with other_runs.watched() as another:
        assert not another()


def test_each_machine_that_shares_a_home_has_its_own_file(monkeypatch: pytest.MonkeyPatch) -> None:
    here = other_runs.path()
    monkeypatch.setattr("platform.node", lambda: "other")
    assert other_runs.path() != here
