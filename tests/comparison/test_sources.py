from pathlib import Path

import msgspec
import pytest

from pipebench.comparison import baselines
from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.sources import By, by_named, checked, compared, tried
from pipebench.errors import CorruptRecordError, MissingError, UsageError
from pipebench.records import store
from pipebench.records.run import RunRecord
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


def study(folder: Path, *runs: RunRecord) -> str:
    for record in runs:
        store.write(record, folder)
    return str(folder)


def test_a_study_s_folder_stands_for_the_newest_run_of_each_kind(tmp_path: Path) -> None:
    schedules = study(tmp_path / "s", *map(run, range(1, 6), ("wavefront", "gpipe", "naive", "gpipe", "odd")))
    assert days(tmp_path, schedules, by="schedule") == [
        "3",
        "4",
        "1",
        "5",
    ]  # naive, gpipe, wavefront, unknown
    gpus = study(tmp_path / "g", *(run(day, gpus=gpus) for day, gpus in enumerate((8, 4, 1, 2, 2), start=1)))
    assert days(tmp_path, gpus, by="gpus") == ["3", "5", "2", "1"]  # 1, 2, 4, 8


def test_runs_of_another_study_in_the_folder_are_left_out_and_counted(folder: Path) -> None:
    """Its runs on 2 devices are of gpipe and of another schedule."""
    found = compared([str(folder)], folder, "schedule")
    assert [source.record.id[7] for source in found] == ["4", "5"]
    assert [source.unlike for source in found] == [3, 0]
    warnings = {warning.code: warning.cause for warning in compare(found, Rules(by="schedule")).warnings}
    assert (
        warnings["unlike"]
        == "3 runs of other configurations in the folder of A were left out: they differ in device.count"
    )
    sizes = frozenset({"device.count", "config.partition"})
    assert len(compared([str(folder)], folder, "schedule", sizes)) == 4


def test_a_reference_that_is_named_says_which_study_is_meant(tmp_path: Path) -> None:
    runs = (run(1, "naive", 4), run(2, "gpipe", 4), run(3, "naive"), run(4, "gpipe"))
    folder = study(tmp_path, *runs)
    assert days(tmp_path, "20261122", folder, by="schedule") == ["2", "1", "2"]
    assert days(tmp_path, folder, by="schedule") == ["3", "4"]


def test_a_study_of_nothing_alike_is_shown_as_it_is(tmp_path: Path) -> None:
    folder = study(tmp_path / "a", run(1, "gpipe", 4), run(2, "naive", 8))
    other = study(tmp_path / "b", run(3))
    assert days(tmp_path, other, folder, by="schedule") == ["3", "2", "1"]


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
    with pytest.raises(MissingError, match="reference none"):
        checked("latest", "none", folder)
    with pytest.raises(UsageError, match=r"^none"):
        checked("none", "latest", folder)


def test_a_baseline_that_cannot_be_read_is_corrupt(folder: Path) -> None:
    (folder / "broken.json").write_text("{")
    with pytest.raises(CorruptRecordError):
        checked("20261121", str(folder / "broken.json"), folder)


def test_a_run_by_two_names_is_not_held_against_itself(tmp_path: Path) -> None:
    store.write(run(1), tmp_path)
    with pytest.raises(UsageError, match="are one run"):
        checked("latest", str(tmp_path), tmp_path)
    (path,) = tmp_path.glob("*.json")
    assert checked(str(path), str(path), tmp_path)[0].path == path  # whoever names a file twice means it
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="are one run"):
        checked(str(tmp_path / "link"), str(tmp_path), tmp_path)


def test_a_gate_tries_itself_on_the_baseline_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(None, None, folder) is None
    found = tried("latest", "20261121", folder)
    assert found is not None
    assert found.id[7] == "1"
    with pytest.raises(UsageError, match=r"^none"):
        tried("none", None, folder)
    with pytest.raises(MissingError, match="reference none"):
        tried("latest", "none", folder)
    monkeypatch.setattr(baselines, "DEFAULT_FOLDER", folder / "saved")
    baselines.save(run(2), "main", "released", folder / "saved")
    assert tried(None, "main", folder) == run(2)
    baselines.save(run(4, "naive"), "main", "released", folder / "saved")
    with pytest.raises(
        UsageError, match="main: the name of several saved baselines: name one of their files"
    ):
        tried(None, "main", folder)


def test_a_saved_baseline_s_file_is_the_run_in_it(tmp_path: Path) -> None:
    path = baselines.save(run(1), "main", "released", tmp_path / "b")
    store.write(run(2), tmp_path)
    current, against = checked("latest", str(path), tmp_path)
    assert (current.record, against.record) == (run(2), run(1))
    assert compared([str(path), "20261122"], tmp_path)[0].record == run(1)
    path.write_text(path.read_text().replace('"hidden": 32', '"hidden": 64'))
    with pytest.raises(CorruptRecordError):
        checked("latest", str(path), tmp_path)
