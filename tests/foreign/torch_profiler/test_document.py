import gzip
import hashlib
import os
from pathlib import Path

import pytest

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.foreign.torch_profiler import document
from pipebench.foreign.torch_profiler.document import is_trace, read


@pytest.mark.parametrize("packed", [False, True])
def test_gzip_is_known_by_its_bytes(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "any.name"
    path.write_bytes(gzip.compress(b'{"a": 1}') if packed else b'{"a": 1}')
    found = read(path)
    assert found.content == b'{"a": 1}'
    assert found.path == str(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_packed_files_may_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"{") + gzip.compress(b"}"))
    assert read(path).content == b"{}"


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.json.gz"
    path.write_bytes(gzip.compress(os.urandom(5000))[:-100])
    with pytest.raises(CorruptRecordError, match=r"cut\.json\.gz: .*ends too early"):
        read(path)


def test_broken_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.gz"
    whole = bytearray(gzip.compress(os.urandom(5000)))
    whole[-6] ^= 1  # its checksum
    path.write_bytes(whole)
    with pytest.raises(CorruptRecordError, match=r"broken\.gz: .*a broken one"):
        read(path)


@pytest.mark.parametrize("packed", [False, True])
def test_what_unpacks_to_more_than_the_limit_is_refused(
    tmp_path: Path, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "MOST_BYTES", 3 << 20)
    path = tmp_path / "large"
    path.write_bytes(gzip.compress(bytes(4 << 20)) if packed else bytes(4 << 20))
    with pytest.raises(CorruptRecordError, match="large: expected a trace of at most 3 MiB"):
        read(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="absent: no such trace"):
        read(tmp_path / "absent")
    with pytest.raises(UsageError, match="no such trace"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CorruptRecordError, match="got a pipe"):
        read(tmp_path / "pipe")


def test_a_trace_begins_an_object() -> None:
    assert is_trace(b' \n{"schemaVersion": 1')
    assert is_trace(b"\xef\xbb\xbf{")
    assert not is_trace(b"device,operation,start_s")
    assert not is_trace(b"")
    assert not is_trace(b"[1]")
