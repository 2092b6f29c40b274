"""Records whose folder cannot be written."""

import tempfile
from pathlib import Path

import pytest

from pipebench.records import keeping, store
from pipebench.records.schema import Failure
from tests.builders import completed_record, ended_run


def test_a_record_is_kept_elsewhere_where_its_folder_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    record = ended_run(completed_record(), "failed", failure=Failure(6, "it broke"))
    kept = keeping.keep(record, tmp_path / "file", log="last words")
    assert kept.path == tmp_path / "tmp" / f"{record.id}.json"
    assert store.read(kept.path) == kept.record
    assert kept.record.failure is not None
    assert kept.record.failure.log == f"{record.id}.log"
    assert (tmp_path / "tmp" / f"{record.id}.log").read_text() == "last words"
    assert f"the record {record.id}.json cannot be written in {tmp_path / 'file'}: a file is" in str(
        kept.trouble
    )
    good = keeping.keep(record, tmp_path / "runs")
    assert (good.trouble, good.record) == (None, record)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    nowhere = keeping.keep(record, tmp_path / "file")
    assert (nowhere.path, nowhere.record) == (None, record)
    assert "for now" not in str(nowhere.trouble)


def test_a_log_may_be_a_file_which_is_copied_whole(tmp_path: Path) -> None:
    (tmp_path / "errors").write_bytes(b"\xff" * 100_000)
    record = ended_run(completed_record(), "failed", failure=Failure(6, "it broke"))
    kept = keeping.keep(record, tmp_path / "runs", log=tmp_path / "errors")
    assert (tmp_path / "runs" / f"{record.id}.log").read_bytes() == b"\xff" * 100_000
    assert kept.record.failure == Failure(6, "it broke", f"{record.id}.log")
