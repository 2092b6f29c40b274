import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipebench.errors import CorruptRecordError
from pipebench.records import documents, folders, store
from tests.builders import completed_record


def test_records_of_a_folder_come_newest_last_with_those_that_cannot_be_read(tmp_path: Path) -> None:
    names = ["20261124-080000-a", "20261123-120000-b", "20261125-070000-c"]
    for name, folder in zip(names, ("x", "y/z", "x"), strict=True):
        store.write(completed_record(id=name), tmp_path / folder)
    (tmp_path / "20261124-090000-broken.json").write_bytes(b"{")
    (tmp_path / "notes.txt").write_text("no record")
    found = list(folders.read_all(tmp_path))
    assert [path.stem for path, _ in found] == [names[1], names[0], "20261124-090000-broken", names[2]]
    assert [isinstance(record, CorruptRecordError) for _, record in found] == [False, False, True, False]
    assert found[0][1] == completed_record(id=names[1])


def test_records_of_one_second_come_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    names = ["20261124-080000-trace4-c0ffee", "20261124-080000-trace4-00beef", "20261124-080000-naive-aaaaaa"]
    written = [store.write(completed_record(id=name), tmp_path) for name in names]
    for number, path in enumerate(written):
        os.utime(path, ns=(0, 1_000_000 + number))
    assert folders.paths(tmp_path) == written


def test_a_record_by_another_name_counts_by_its_date(tmp_path: Path) -> None:
    first, last = (
        store.write(completed_record(id=name), tmp_path)
        for name in ("20261123-120000-b", "20261125-080000-a")
    )
    between = tmp_path / "baseline.json"  # made at 10:15 in Berlin, by the clock of UTC at 09:15
    between.write_bytes(documents.encode(completed_record(created="2026-11-24T10:15:00+01:00")))
    without = tmp_path / "aaa.json"  # no zone: UTC
    without.write_bytes(documents.encode(completed_record(created="2026-11-24T09:14:59")))
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    os.utime(broken, (0, datetime(2026, 11, 24, 9, 30, tzinfo=UTC).timestamp()))
    assert folders.paths(tmp_path) == [first, without, between, broken, last]


def test_only_files_are_records(tmp_path: Path) -> None:
    record = store.write(completed_record(), tmp_path)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.json")
    assert folders.paths(tmp_path) == [record]


def test_a_folder_that_cannot_be_read_might_hold_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(completed_record(), tmp_path / "locked")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CorruptRecordError, match=r"locked: cannot be read \(Permission denied\)"):
        folders.paths(tmp_path)


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_calendar_has_in_utc_hinders_nobody(tmp_path: Path, created: str) -> None:
    good = store.write(completed_record(id="20991124-080000-a"), tmp_path)
    (tmp_path / "odd.json").write_bytes(documents.encode(completed_record(id="odd", created=created)))
    assert folders.paths(tmp_path) == [tmp_path / "odd.json", good]


def test_an_empty_or_missing_folder_has_no_records(tmp_path: Path) -> None:
    assert folders.paths(tmp_path) == folders.paths(tmp_path / "missing") == []
