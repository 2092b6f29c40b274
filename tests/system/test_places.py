"""Files that are written whole or not at all, and what is said where one cannot be."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from pipebench.errors import EnvironmentRefusedError
from pipebench.system import places


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole_and_its_folder_made(tmp_path: Path) -> None:
    places.write_whole(tmp_path / "new" / "a.json", b"one")
    places.write_whole(tmp_path / "new" / "a.json", b"two")
    assert (tmp_path / "new" / "a.json").read_bytes() == b"two"
    assert names(tmp_path / "new") == ["a.json"]


def test_what_was_there_stays_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a.json").write_bytes(b"one")
    monkeypatch.setattr(places.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        places.write_whole(tmp_path / "a.json", b"two")
    assert (tmp_path / "a.json").read_bytes() == b"one"
    assert names(tmp_path) == ["a.json"]


def test_the_line_names_file_folder_reason_and_remedy() -> None:
    told = places.not_written(Path("a b/x.json"), OSError(errno.ENOSPC, "-"), "name another folder with -o")
    assert told == (
        "x.json cannot be written in a b: no space left there; free some, or name another folder with -o"
    )
    told = places.not_written(Path("x.json"), OSError(errno.EROFS, "-"), "name another")
    assert told == "x.json cannot be written in .: the file system there is read-only; name another"


@pytest.mark.parametrize(
    ("variable", "told"), [("TMPDIR", "TMPDIR=FOLDER"), ("TMP", "TMP=FOLDER"), (None, "in FOLDER")]
)
def test_the_variable_that_named_the_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, told: str
) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None if variable else str(tmp_path))
    with pytest.raises(EnvironmentRefusedError) as caught, places.writing_temporary_files():
        raise OSError(errno.ENOSPC, "-")
    assert f"temporary files cannot be written in {told.removeprefix('in ')}".replace(
        "FOLDER", str(tmp_path)
    ) in str(caught.value)
    assert "set TMPDIR to a folder that has room" in str(caught.value)


def test_no_usable_folder_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", none)
    with pytest.raises(EnvironmentRefusedError, match="TMPDIR=/nowhere"), places.temporary_folder():
        pass


def test_a_copy_is_whole_too(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"one")
    places.copy_ends(tmp_path / "new" / "a.log", tmp_path / "source")
    assert (tmp_path / "new" / "a.log").read_bytes() == b"one"
    with pytest.raises(FileNotFoundError):
        places.copy_ends(tmp_path / "new" / "b.log", tmp_path / "nothing")
    assert names(tmp_path / "new") == ["a.log"]


@pytest.mark.parametrize("size", [19, 20, 21, 1000])
def test_of_a_long_file_both_ends_are_copied(tmp_path: Path, size: int) -> None:
    source = bytes(n % 251 for n in range(size))
    (tmp_path / "source").write_bytes(source)
    places.copy_ends(tmp_path / "a.log", tmp_path / "source", 10)
    told = f"\n[pipebench: {size - 20:,} bytes are left out here]\n".encode()
    expected = source if size <= 20 else source[:10] + told + source[-10:]
    assert (tmp_path / "a.log").read_bytes() == expected
