from pathlib import Path

import pytest

from pipebench.telemetry import link_cache
from tests.timing.test_measured_link import LINK


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "pipebench"


def test_what_is_saved_is_loaded(folder: Path) -> None:
    assert link_cache.load() is None
    path = link_cache.save(LINK)
    assert path == link_cache.path()
    assert path.parent == folder
    assert link_cache.load() == LINK
    assert [file.name for file in folder.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"created": 1}'])
def test_a_damaged_file_counts_as_none(folder: Path, content: bytes) -> None:
    folder.mkdir()
    link_cache.path().write_bytes(content)
    assert link_cache.load() is None


def test_a_folder_that_cannot_be_made_only_costs_time_later(folder: Path) -> None:
    folder.write_text("in the way")
    assert link_cache.save(LINK) is None
    assert link_cache.load() is None


@pytest.mark.parametrize("what", ["cpu_model", "usable_cores"])
def test_another_machine_has_another_file(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    here = link_cache.path()
    monkeypatch.setattr(link_cache, what, lambda: "other")
    assert link_cache.path() != here


def test_the_name_of_the_host_is_not_written_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "secret-host")
    path = link_cache.save(LINK)
    assert path is not None
    assert "secret-host" not in path.name + path.read_text()


def test_without_xdg_it_is_the_folder_that_the_system_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert link_cache.path().parent == Path.home() / ".cache" / "pipebench"
    monkeypatch.setattr("sys.platform", "darwin")
    assert link_cache.path().parent == Path.home() / "Library" / "Caches" / "pipebench"
