import json
import os
import re
from datetime import UTC, datetime
from math import inf, nan
from pathlib import Path

import msgspec
import pytest

from pipebench.errors import CorruptRecordError, ExitCode, UsageError
from pipebench.records import store
from pipebench.records.figures import Pipeline
from pipebench.records.schema import WarningRecord
from tests.builders import completed_record, simulation_record


def stored(**changes: object) -> bytes:
    """A completed record's document with top-level fields replaced, valid or not."""
    values = json.loads(store.encode(completed_record()))
    return json.dumps(values | changes).encode()


def refused(document: bytes) -> str:
    """The text with which a document is refused."""
    with pytest.raises(CorruptRecordError) as caught:
        store.decode(document, "here.json")
    assert caught.value.exit_code is ExitCode.CORRUPT
    assert str(caught.value).startswith("here.json: ")
    return str(caught.value)


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
    document = store.encode(record)
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
    assert store.paths(tmp_path) == [other]
    assert store._age(other)[1] == record.id


@pytest.mark.parametrize(("encoding", "looks"), [("utf-16", "UTF-16"), ("utf-32", "UTF-32")])
def test_a_record_in_another_encoding_is_refused_with_its_name(encoding: str, looks: str) -> None:
    text = refused(stored().decode().encode(encoding))
    assert f"looks like {looks}; iconv -f {looks} -t UTF-8 makes text of it" in text


def test_what_is_longer_than_any_record_or_has_no_end_is_not_read(tmp_path: Path) -> None:
    sparse, pipe = tmp_path / "sparse.json", tmp_path / "pipe.json"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(pipe)
    for path in (sparse, pipe, Path("/dev/zero")):
        with pytest.raises(CorruptRecordError, match="not a pipebench record"):
            store.read(path)


def test_a_simulation_is_decoded_as_one() -> None:
    record = simulation_record()
    assert store.decode(store.encode(record), "x") == record


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

    monkeypatch.setattr(*{"fsync": (store.os, "fsync"), "replace": (Path, "replace")}[step], fail)
    with pytest.raises(OSError, match="no space left"):
        store.write(completed_record(efficiency=0.5), tmp_path)
    assert files(tmp_path) == [path.name]
    assert store.read(path) == completed_record()


def test_an_interrupt_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.write(completed_record(), tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not json",
        bytes(range(256)),
        b"{",
        b'{"schema": ',
        b"\xff\xfe\x00",
        store.encode(completed_record())[:-40],
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"schema": ' + b"9" * 5000 + b"}",
    ],
    ids=[
        "empty",
        "words",
        "bytes",
        "open",
        "cut",
        "utf-16",
        "cut record",
        "deep",
        "deep keys",
        "nested",
        "digits",
    ],
)
def test_what_is_no_json_is_refused(document: bytes) -> None:
    assert "expected a JSON record" in refused(document)


@pytest.mark.parametrize(
    "document",
    [
        *(b"null", b"1", b'"pipebench"', b"[]", b"{}", b'{"schema": null}', b'{"schema": "pipebench"}'),
        *(b'{"schema": {"name": "pyperf", "version": 1}}', b'{"schema": {"version": 1}}'),
    ],
)
def test_json_of_another_tool_is_refused_as_foreign(document: bytes) -> None:
    assert "not a pipebench record (schema.name is not 'pipebench')" in refused(document)


@pytest.mark.parametrize("version", [0, 2, 99, None, "1", [1]])
def test_another_schema_version_is_refused_by_its_number(version: object) -> None:
    text = refused(stored(schema={"name": "pipebench", "version": version}))
    assert f"schema version {version!r}, this pipebench reads 1; use the version that wrote it" in text


@pytest.mark.parametrize("kind", ["profile", "", None, 3, ["run"]])
def test_another_kind_is_refused_with_those_there_are(kind: object) -> None:
    assert f"kind {kind!r}, expected one of run, simulation" in refused(stored(kind=kind))


def test_an_invalid_field_is_refused_by_its_path() -> None:
    text = refused(stored(efficiency=-1.0))
    assert "not a valid run record: Expected `float` > 0.0 - at `$.efficiency`" in text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_nan_and_infinity_are_refused(number: str) -> None:
    document = stored(efficiency=12345.5).replace(b"12345.5", number.encode())
    assert "not a valid run record" in refused(document)


def test_a_missing_field_is_refused_by_its_name() -> None:
    values = json.loads(stored())
    del values["launches"]
    assert "missing required field `launches`" in refused(json.dumps(values).encode())


def test_a_completed_record_without_results_is_refused() -> None:
    assert "a completed record needs speedup" in refused(stored(speedup=None))
    assert store.decode(stored(speedup=None, status="aborted"), "x").status == "aborted"


def test_a_record_nested_too_deep_is_refused() -> None:
    deep = stored(extra=0).replace(b'"extra": 0', b'"extra": ' + b"[" * 5000 + b"]" * 5000)
    assert "expected a JSON record" in refused(deep)


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


def test_records_of_a_folder_come_newest_last_with_those_that_cannot_be_read(tmp_path: Path) -> None:
    names = ["20261124-080000-a", "20261123-120000-b", "20261125-070000-c"]
    for name, folder in zip(names, ("x", "y/z", "x"), strict=True):
        store.write(completed_record(id=name), tmp_path / folder)
    (tmp_path / "20261124-090000-broken.json").write_bytes(b"{")
    (tmp_path / "notes.txt").write_text("no record")
    found = list(store.read_all(tmp_path))
    assert [path.stem for path, _ in found] == [names[1], names[0], "20261124-090000-broken", names[2]]
    assert [isinstance(record, CorruptRecordError) for _, record in found] == [False, False, True, False]
    assert found[0][1] == completed_record(id=names[1])


def test_a_record_by_another_name_counts_by_its_date(tmp_path: Path) -> None:
    first, last = (
        store.write(completed_record(id=name), tmp_path)
        for name in ("20261123-120000-b", "20261125-080000-a")
    )
    between = tmp_path / "baseline.json"  # made at 10:15 in Berlin, by the clock of UTC at 09:15
    between.write_bytes(store.encode(completed_record(created="2026-11-24T10:15:00+01:00")))
    without = tmp_path / "aaa.json"  # no zone: UTC
    without.write_bytes(store.encode(completed_record(created="2026-11-24T09:14:59")))
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    os.utime(broken, (0, datetime(2026, 11, 24, 9, 30, tzinfo=UTC).timestamp()))
    assert store.paths(tmp_path) == [first, without, between, broken, last]


def test_only_files_are_records(tmp_path: Path) -> None:
    record = store.write(completed_record(), tmp_path)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.json")
    assert store.paths(tmp_path) == [record]


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
        store.paths(tmp_path)


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_calendar_has_in_utc_hinders_nobody(tmp_path: Path, created: str) -> None:
    good = store.write(completed_record(id="20991124-080000-a"), tmp_path)
    (tmp_path / "odd.json").write_bytes(store.encode(completed_record(id="odd", created=created)))
    assert store.paths(tmp_path) == [tmp_path / "odd.json", good]


def test_an_empty_or_missing_folder_has_no_records(tmp_path: Path) -> None:
    assert store.paths(tmp_path) == store.paths(tmp_path / "missing") == []


def test_a_listing_has_a_line_for_each_record(tmp_path: Path) -> None:
    path = store.write(completed_record(), tmp_path)
    (tmp_path / "z.json").write_bytes(b"{")
    good, bad = json.loads(store.listing(list(store.read_all(tmp_path))))
    assert (good["path"], good["id"], good["status"]) == (str(path), completed_record().id, "completed")
    assert (good["gpus"], good["schedule"], good["speedup"]["value"]) == (2, "gpipe", 2.0)
    assert good["softmax_devices"] is None
    assert bad["status"] == "unreadable"
    assert "expected a JSON record" in bad["error"]
