import os
from pathlib import Path

import pytest

from pipebench.cli import files
from pipebench.errors import EnvironmentRefusedError, UsageError


def is_one(beginning: bytes) -> bool:
    return beginning.startswith(b"<")


def test_a_file_that_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    files.check("--x", tmp_path / "new", "X", is_one)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", ["<x/>", "\ufeff \n<x/>", ""])
def test_an_older_one_may_be_replaced(tmp_path: Path, before: str) -> None:
    (tmp_path / "old").write_text(before)
    files.check("--x", tmp_path / "old", "X", is_one)
    files.write("--x", tmp_path / "old", b"<new/>")
    assert (tmp_path / "old").read_text() == "<new/>"
    assert len(list(tmp_path.iterdir())) == 1


def test_another_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(UsageError, match="expected no file or one of X, found another, which would be lost"):
        files.check("--x", tmp_path / "notes", "X", is_one)
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize("name", ["no/file", ".", "a" * 300, "file/x"])
def test_a_place_that_is_none_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"^--x .*: cannot be written: "):
        files.check("--x", tmp_path / name, "X", is_one)


def test_a_full_disk_is_the_environment_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.places, "write_whole", full)
    with pytest.raises(
        EnvironmentRefusedError, match=r"^--x .*: cannot be written: no space left there; free"
    ):
        files.write("--x", tmp_path / "new", b"<new/>")


def test_a_file_that_may_not_be_written_is_the_environment_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:  # root, as whom tests may run, is denied nothing
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(
        EnvironmentRefusedError, match=r"^--x .*: cannot be written: permission denied; allow"
    ):
        files.check("--x", tmp_path / "new", "X", is_one)


def test_a_link_leads_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_text("<old/>")
    files.write("--x", tmp_path / "link", b"<new/>")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "<new/>"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    files.check("--x", pipe, "X", is_one)  # opens nothing, or its reader would see an end
    files.write("--x", pipe, b"<new/>")
    assert os.read(reader, 100) == b"<new/>"
    os.close(reader)
    assert pipe.is_fifo()
