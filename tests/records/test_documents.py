import json

import pytest

from pipebench.records import documents
from tests.builders import completed_record, simulation_record
from tests.records.stored import refused, stored


@pytest.mark.parametrize(("encoding", "looks"), [("utf-16", "UTF-16"), ("utf-32", "UTF-32")])
def test_a_record_in_another_encoding_is_refused_with_its_name(encoding: str, looks: str) -> None:
    text = refused(stored().decode().encode(encoding))
    assert f"looks like {looks}; iconv -f {looks} -t UTF-8 makes text of it" in text


def test_a_simulation_is_decoded_as_one() -> None:
    record = simulation_record()
    assert documents.decode(documents.encode(record), "x") == record


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not json",
        bytes(range(256)),
        b"{",
        b'{"schema": ',
        b"\xff\xfe\x00",
        documents.encode(completed_record())[:-40],
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
    assert documents.decode(stored(speedup=None, status="aborted"), "x").status == "aborted"


def test_a_record_nested_too_deep_is_refused() -> None:
    deep = stored(extra=0).replace(b'"extra": 0', b'"extra": ' + b"[" * 5000 + b"]" * 5000)
    assert "expected a JSON record" in refused(deep)
