import os
import re
from datetime import UTC, datetime
from math import inf, nan
from pathlib import Path

import msgspec
import pytest

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.records import documents, folders, store
from pipebench.records.figures import Pipeline
from pipebench.records.schema import WarningRecord
from tests.builders import completed_record


def files(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = completed_record()
    path = store.write(record, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / f"{record.id}.json"
    assert store.read(path) == record
    assert files(path.parent) == [path.name]


def test_what_is_stored_is_what_json_prints(tmp_path: Path) -> None:
    record = completed_record()
    document = documents.encode(record)
    assert (
        store.write(record, tmp_path).read_bytes()
        == document
        == store.read_bytes(tmp_path / f"{record.id}.json")
    )
    assert document.endswith(b"}\n")
    assert document.count(b"\n") > 100  # indented: a diff shows what changed


def test_a_byte_order_mark_of_an_editor_is_no_part_of_a_record(tmp_path: Path) -> None:
    record = completed_record()
    path = store.write(record, tmp_path)
    document = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + document)
    assert store.read(path) == record
    assert store.read_bytes(path) == document
    other = path.rename(tmp_path / "named otherwise.json")
    assert folders.paths(tmp_path) == [other]
    assert folders._age(other)[2] == record.id


def test_what_is_longer_than_any_record_or_has_no_end_is_not_read(tmp_path: Path) -> None:
    sparse, pipe = tmp_path / "sparse.json", tmp_path / "pipe.json"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(pipe)
    for path in (sparse, pipe, Path("/dev/zero")):
        with pytest.raises(CorruptRecordError, match="not a pipebench record"):
            store.read(path)


def test_a_stored_record_may_be_read_by_all_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = store.write(completed_record(), tmp_path)
    assert path.stat().st_mode & 0o777 == 0o644
    later = completed_record(warnings=[WarningRecord("a", "b", "c")])
    assert store.write(later, tmp_path) == path
    assert store.read(path) == later
    assert files(tmp_path) == [path.name]


@pytest.mark.parametrize("value", [nan, inf, -1.0])
def test_a_record_that_breaks_its_schema_leaves_no_file(tmp_path: Path, value: float) -> None:
    broken = completed_record(pipeline=Pipeline(step_s=value, words_per_s=1.0))
    with pytest.raises(msgspec.ValidationError):
        store.write(broken, tmp_path / "runs")
    assert files(tmp_path) == []


def test_a_value_that_json_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        store.write(completed_record(environment={"path": object()}), tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_half_way_leaves_the_older_record_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = store.write(completed_record(), tmp_path)

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[step], fail)
    with pytest.raises(OSError, match="no space left"):
        store.write(completed_record(efficiency=0.5), tmp_path)
    assert files(tmp_path) == [path.name]
    assert store.read(path) == completed_record()


def test_an_interrupt_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.write(completed_record(), tmp_path)
    assert files(tmp_path) == []


def test_a_file_that_is_missing_or_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no.json", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UsageError, match=re.escape(f"{path}: no such record ({reason}")):
            store.read(path)


def test_an_id_sorts_by_date_and_is_never_the_same_twice() -> None:
    created = datetime(2026, 11, 24, 9, 15, 0, tzinfo=UTC)
    ids = {store.new_id(created, "emulated8-gpipe") for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"20261124-091500-emulated8-gpipe-[0-9a-f]{6}", name) for name in ids)


def test_the_clock_of_dates_is_in_utc() -> None:
    assert store.now().tzinfo is UTC
