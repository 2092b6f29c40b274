"""The temporary folder of one ``ab``: whose it is, and what a killed one left."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipebench.ab import place as places

HOLDER = "from pipebench.ab.place import place\nwith place() as folder: print(folder, flush=True); input()"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def holder() -> tuple["subprocess.Popen[str]", Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def left() -> Path:
    """The folder of a process that was killed."""
    process, folder = holder()
    with process:
        process.send_signal(signal.SIGKILL)
    assert folder.is_dir()
    return folder


def test_it_is_gone_at_the_end(temporary: Path) -> None:
    with places.place() as folder:
        (folder / "x").write_text("x")
        assert folder.parent == temporary
        assert places.abandoned() == []
    assert list(temporary.iterdir()) == []


def test_what_was_left_is_cleared_and_what_is_used_stays() -> None:
    gone = left()
    process, used = holder()
    with process:
        with places.place():
            assert not gone.exists()
            assert used.is_dir()
            assert places.abandoned() == []
        process.communicate("\n")
    assert process.returncode == 0
    assert not used.exists()


def test_a_folder_with_worktrees_is_left_to_their_repository() -> None:
    folder = left()
    (folder / "worktree-0").mkdir()
    with places.place():
        assert places.abandoned() == [folder]


def test_a_folder_that_is_not_locked_yet_is_nobody_s_to_clear(temporary: Path) -> None:
    young = temporary / "pipebench-ab-young"
    young.mkdir()
    with places.place():
        assert young.is_dir()
    assert list(temporary.iterdir()) == [young]


def test_a_link_that_looks_like_one_leads_nowhere(temporary: Path) -> None:
    kept = temporary / "kept"
    kept.mkdir()
    (kept / "in-use").touch()
    (temporary / "pipebench-ab-link").symlink_to(kept)
    with places.place():
        assert places.abandoned() == []
    assert (kept / "in-use").exists()
