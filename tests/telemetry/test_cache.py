"""Small files in the user's cache folder."""

import errno
import fcntl
from pathlib import Path

import msgspec
import pytest

from pipebench.telemetry import cache


class Kept(msgspec.Struct):
    value: int


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep/er/a.json"
    assert cache.write(path, b'{"value":7}') == path
    assert cache.read(path, Kept) == Kept(7)
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("document", [b"", b"{", b'{"value":"seven"}', b"\xff\xfe", b"[]"])
def test_a_file_that_is_no_good_is_as_none(tmp_path: Path, document: bytes) -> None:
    (tmp_path / "a.json").write_bytes(document)
    assert cache.read(tmp_path / "a.json", Kept) is None


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert cache.read(tmp_path / "a.json", Kept) is None


def test_where_nothing_can_be_written_nothing_is_kept_or_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cache.write(tmp_path / "file/a.json", b"{}") is None
    (tmp_path / "a.json").mkdir()
    assert cache.write(tmp_path / "a.json", b"{}") is None
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.json", "file"]


def test_without_a_home_nothing_is_found_or_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    path = cache.folder() / "a.json"
    assert cache.write(path, b"{}") is None
    assert cache.read(path, Kept) is None


def test_the_folder_is_the_system_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "pipebench"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache.folder() == Path.home() / ".cache/pipebench"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache.folder() == Path.home() / "Library/Caches/pipebench"


def test_a_lock_is_waited_for_and_goes_with_its_holder(tmp_path: Path) -> None:
    path, waits = tmp_path / "deep/a.lock", 0
    held = cache.locked(path, pytest.fail)
    assert held.__enter__()

    def waiting() -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            held.__exit__(None, None, None)

    with cache.locked(path, waiting) as mine:
        assert mine
    assert waits == 3


def test_whoever_waits_for_a_lock_may_give_up(tmp_path: Path) -> None:
    def give_up() -> None:
        raise KeyboardInterrupt

    path = tmp_path / "a.lock"
    with cache.locked(path, pytest.fail), pytest.raises(KeyboardInterrupt), cache.locked(path, give_up):
        pass
    with cache.locked(path, pytest.fail) as mine:
        assert mine


def test_where_nothing_can_be_locked_it_is_not_certain_to_be_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    with cache.locked(tmp_path / "file/a.lock", pytest.fail) as mine:
        assert not mine

    def no_locks(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with cache.locked(tmp_path / "a.lock", pytest.fail) as mine:
        assert not mine
