import gzip
from pathlib import Path

import pytest

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.foreign import files


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_read_whole_whatever_its_name(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "spans.csv"
    stored = gzip.compress(b"some text") if packed else b"some text"
    path.write_bytes(stored)
    assert files.read(path).document == b"some text"
    assert files.beginning(path, 100) == b"some text"


def test_several_members_are_one_text(tmp_path: Path) -> None:
    path = tmp_path / "spans.csv.gz"
    path.write_bytes(gzip.compress(b"one ") + gzip.compress(b"two") + b"\0" * 512)
    assert files.read(path).document == b"one two"


def test_a_cut_file_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "spans.csv.gz"
    whole = gzip.compress(bytes(range(256)) * 100)
    for end in (5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(CorruptRecordError, match="cut short"):
            files.read(path)


def test_a_damaged_file_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "spans.csv.gz"
    whole = bytearray(gzip.compress(b"some text" * 100))
    whole[-6] ^= 0xFF  # of the sum
    path.write_bytes(whole)
    with pytest.raises(CorruptRecordError, match="damaged"):
        files.read(path)


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(1 << 21)))
    with pytest.raises(CorruptRecordError, match="at most 1 MiB"):
        files.read(path)


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        files.read(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="found a folder"):
        files.read(tmp_path)
    with pytest.raises(UsageError, match="a device or a pipe"):
        files.read(Path("/dev/zero"))
