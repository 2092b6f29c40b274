import re
from pathlib import Path

import pytest

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.records import documents, store
from pipebench.records.run import RunRecord
from pipebench.records.selection import COMPARABLE, Search, Source, find, in_folder, select
from tests.builders import completed_record, ended_run, simulation_record, steady_record
from tests.cli.saved import save
from tests.guard.launches import record as command


def run(number: int, status: str = "completed") -> RunRecord:
    record = steady_record(id=f"2026112{number}-091500-emulated2-gpipe-00000{number}")
    return record if status == "completed" else ended_run(record, "failed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two completed runs, then one that failed, then a simulation."""
    for record in (run(1), run(2), run(3, "failed")):
        store.write(record, tmp_path / "runs" / "deep" if record.id.endswith("1") else tmp_path / "runs")
    (tmp_path / "runs/20261124-simulation.json").write_bytes(documents.encode(simulation_record()))
    return tmp_path / "runs"


def day(selected: Source) -> str:
    return selected.record.id[:8]


def test_the_newest_completed_run_is_found_in_a_folder_and_as_latest(folder: Path) -> None:
    for name in ("latest", str(folder)):
        found = select(name, Search(folder))
        assert (day(found), found.passed_over) == ("20261122", 1)
    assert day(select("latest~1", Search(folder))) == "20261121"
    assert day(select("latest~0", Search(folder))) == "20261122"


def test_a_gate_sees_the_newest_run_whatever_its_end(folder: Path) -> None:
    found = select("latest", Search(folder, completed=False))
    assert (day(found), found.record.status, found.passed_over) == ("20261123", "failed", 0)
    assert day(select(str(folder), Search(Path("nowhere"), completed=False))) == "20261123"


def test_a_file_and_an_id_are_taken_as_they_are(folder: Path) -> None:
    assert select(str(folder / f"{run(3).id}.json"), Search(folder)).record.status == "failed"
    assert day(select("20261121", Search(folder))) == "20261121"


def test_an_unreadable_record_is_passed_over_or_stops_a_gate(folder: Path) -> None:
    (folder / "20261130-broken.json").write_text("{")
    assert select("latest", Search(folder)).passed_over == 2
    with pytest.raises(CorruptRecordError, match="20261130-broken"):
        select("latest", Search(folder, completed=False))


@pytest.mark.parametrize("name", ["latest~2", "latest~x", "none.json", "2026112"])
def test_a_name_that_stands_for_nothing_or_for_several_is_an_error(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match=name):
        select(name, Search(folder))


def test_no_more_files_are_read_than_needed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = store.read
    monkeypatch.setattr(store, "read", lambda path: (read.append(path.name), original(path))[1])
    for number in range(4, 10):
        store.write(run(number), folder)
    select("latest", Search(folder))
    assert read == [f"{run(9).id}.json"]


def test_all_completed_runs_come_oldest_first(folder: Path) -> None:
    assert [day(found) for found in in_folder(folder).sources] == ["20261121", "20261122"]
    with pytest.raises(UsageError, match="no completed run"):
        in_folder(folder / "none")


def test_another_kind_of_record_is_no_run(folder: Path) -> None:
    with pytest.raises(CorruptRecordError, match="found that of a simulation"):
        select(str(folder / "20261124-simulation.json"), Search(folder))


def test_commands_count_where_they_are_searched_for(tmp_path: Path) -> None:
    save(tmp_path, **{"20261125-command": command([1.0], id="command", created="2026-11-25T00:00:00+00:00")})
    with pytest.raises(UsageError, match="0 completed runs"):
        select("latest", Search(tmp_path))
    assert select("latest", Search(tmp_path, kinds=COMPARABLE)).record.id == "command"
    assert [each.record.id for each in in_folder(tmp_path, COMPARABLE).sources] == ["command"]
    with pytest.raises(CorruptRecordError, match="expected the record of a run, found that of a command"):
        select(str(tmp_path / "20261125-command.json"), Search(tmp_path))


def test_a_record_is_found_by_file_by_id_and_as_latest(tmp_path: Path) -> None:
    older, newer = (
        store.write(completed_record(id=name), tmp_path)
        for name in ("20261123-120000-b", "20261124-080000-a")
    )
    assert find(str(older), Path("elsewhere")) == older
    assert find("20261123-120000-b", tmp_path) == older
    assert find("latest", tmp_path) == find("latest~0", tmp_path) == newer
    assert find("latest~1", tmp_path) == older
    assert find(str(tmp_path), Path("elsewhere")) == newer


def test_a_whole_id_is_that_record_though_another_begins_so(tmp_path: Path) -> None:
    short, _ = (store.write(completed_record(id=name), tmp_path) for name in ("20261123-1", "20261123-10"))
    assert find("20261123-1", tmp_path) == short
    with pytest.raises(UsageError, match="2 records"):
        find("20261123", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("latest~2", "latest~2: 1 records in"),
        ("latest~x", "latest~x: no such record"),
        ("20261123-120000", "20261123-120000: no such record; name a file, an id in"),
    ],
)
def test_a_record_that_is_not_there_is_a_usage_error(tmp_path: Path, name: str, message: str) -> None:
    store.write(completed_record(), tmp_path)
    with pytest.raises(UsageError, match=re.escape(message)):
        find(name, tmp_path)


def test_an_empty_folder_has_no_newest_record_of_any_kind(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{tmp_path}: no records in this folder; make one with")):
        find(str(tmp_path), Path("elsewhere"))
    with pytest.raises(UsageError, match=re.escape(f"latest: 0 records in {tmp_path}; make one with")):
        find("latest", tmp_path)


def test_a_record_of_any_kind_is_found_as_the_newest(folder: Path) -> None:
    assert (
        find("latest", folder) == find(str(folder), Path("elsewhere")) == folder / "20261124-simulation.json"
    )
