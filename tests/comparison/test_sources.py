from pathlib import Path

import msgspec
import pytest

from pipebench.comparison.sources import By, by_named, checked, compared
from pipebench.errors import CorruptRecordError, MissingError, UsageError
from pipebench.records import store
from pipebench.records.schema import RunRecord
from tests.builders import steady_record, with_config


def run(number: int, schedule: str = "gpipe", gpus: int = 2) -> RunRecord:
    record = steady_record(id=f"2026112{number}-091500-x-00000{number}")
    device = msgspec.structs.replace(record.device, count=gpus, names=["A CPU"] * gpus)
    return with_config(msgspec.structs.replace(record, device=device), schedule=schedule, gpus=gpus)


def days(folder: Path, *names: str, by: By | None = None) -> list[str]:
    return [source.record.id[7] for source in compared(names, folder, by)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for record in (
        run(1, "wavefront", 8),
        run(2, "gpipe", 4),
        run(3, "naive", 1),
        run(4, "gpipe", 2),
        run(5, "odd"),
    ):
        store.write(record, tmp_path)
    return tmp_path


def test_names_stand_for_one_record_each(folder: Path) -> None:
    assert days(folder, "latest~1", "latest", str(folder), "20261121") == ["4", "5", "5", "1"]


def test_a_study_s_folder_stands_for_the_newest_run_of_each_kind(folder: Path) -> None:
    assert days(folder, str(folder), by="schedule") == [
        "3",
        "4",
        "1",
        "5",
    ]  # naive, gpipe, wavefront, unknown
    assert days(folder, str(folder), by="gpus") == ["3", "5", "2", "1"]  # 1, 2, 4, 8


def test_the_reference_of_a_study_can_be_named_first(folder: Path) -> None:
    assert days(folder, "20261122", str(folder), by="schedule")[0] == "2"


def test_one_record_is_no_comparison(folder: Path) -> None:
    with pytest.raises(UsageError, match="expected at least two records, found 1; with --by"):
        compared(["latest"], folder)
    with pytest.raises(UsageError, match=r"found 1$"):
        compared(["latest"], folder, "gpus")


def test_by_is_one_of_two(folder: Path) -> None:
    assert (by_named(None), by_named("gpus")) == (None, "gpus")
    with pytest.raises(UsageError, match="--by 'layers'"):
        by_named("layers")


def test_a_missing_baseline_is_not_a_missing_run(folder: Path) -> None:
    run_, baseline = checked("latest", "latest~1", folder)
    assert (run_.record.id[7], baseline.record.id[7]) == ("5", "4")
    with pytest.raises(MissingError, match="baseline none"):
        checked("latest", "none", folder)
    with pytest.raises(UsageError, match=r"^none"):
        checked("none", "latest", folder)


def test_a_baseline_that_cannot_be_read_is_corrupt(folder: Path) -> None:
    (folder / "broken.json").write_text("{")
    with pytest.raises(CorruptRecordError):
        checked("20261121", str(folder / "broken.json"), folder)
