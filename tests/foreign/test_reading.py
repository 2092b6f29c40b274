from pathlib import Path

import pytest

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.foreign.reading import read_recording
from tests.foreign.tables import rows_of, text_of, timeline
from tests.foreign.torch_profiler.traces import write


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    rows = rows_of(timeline())
    for device in range(4):
        (tmp_path / f"device{device}.csv").write_text(text_of(row for row in rows if row.device == device))
    (tmp_path / "notes.txt").write_text("no table")
    found = read_recording([tmp_path])
    assert [Path(each.path).name for each in found.files] == [f"device{device}.csv" for device in range(4)]
    assert len(found.rows) == len(rows)


def test_a_file_that_is_named_twice_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "spans.csv"
    path.write_text(text_of(rows_of(timeline())))
    with pytest.raises(UsageError, match=r"spans\.csv is named twice: expected each file once"):
        read_recording([path, tmp_path / "." / "spans.csv"])
    with pytest.raises(UsageError, match="is named twice"):
        read_recording([tmp_path, path])


def test_tables_and_traces_are_of_two_runs(tmp_path: Path) -> None:
    table = tmp_path / "spans.csv"
    table.write_text(text_of(rows_of(timeline())))
    trace = write(tmp_path / "trace0.json", {"traceEvents": []}, packed=False)
    with pytest.raises(UsageError, match=r"spans\.csv is a span table and .*trace0\.json a trace"):
        read_recording([table, trace])


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected files in this folder that end in \.csv"):
        read_recording([tmp_path])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04aaaa", "a zip archive (or a document or a model in one): unzip -p makes text of it"),
        (b"PAR1aaaa", "Parquet: write it as CSV"),
    ],
)
def test_another_kind_of_file_is_told_with_what_to_do(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "spans.csv"
    path.write_bytes(content)
    with pytest.raises(CorruptRecordError) as refused:
        read_recording([path])
    assert said in str(refused.value)
