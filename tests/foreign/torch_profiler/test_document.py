import gzip
import hashlib
from pathlib import Path

import pytest

from pipebench.foreign.torch_profiler.document import is_trace, read


@pytest.mark.parametrize("packed", [False, True])
def test_gzip_is_known_by_its_bytes(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "any.name"
    path.write_bytes(gzip.compress(b'{"a": 1}') if packed else b'{"a": 1}')
    found = read(path)
    assert found.content == b'{"a": 1}'
    assert found.path == str(path)
    assert found.sha256 == hashlib.sha256(found.content).hexdigest()


def test_a_trace_begins_an_object() -> None:
    assert is_trace(b' \n{"schemaVersion": 1')
    assert is_trace(b"\xef\xbb\xbf{")
    assert not is_trace(b"device,operation,start_s")
    assert not is_trace(b"")
    assert not is_trace(b"[1]")
