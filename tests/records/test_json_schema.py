"""The JSON Schema of records: every record that is committed follows it, and what is no record does not."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from pipebench.comparison.baselines import key_of
from pipebench.comparison.compare import Rules, compare
from pipebench.errors import CorruptRecordError
from pipebench.records import documents
from pipebench.records.baseline import BaselineRecord
from pipebench.records.figures import Accuracy, StudyFigures
from pipebench.records.json_schema import json_schema
from pipebench.records.reproduction import ReproductionRecord
from pipebench.records.run import EndedEarly
from pipebench.records.selection import Source
from tests.builders import completed_record, simulation_record, steady_record
from tests.guard.launches import record as command_record
from tests.trace_records import trace_record

ROOT = Path(__file__).parents[2]
WHOLE = Draft202012Validator(json.loads(json_schema()))


def of_kind(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(json_schema(kind)))


def committed() -> list[Path]:
    """The smallest record of each folder; with RECORDS=all every one."""
    found = [
        path for path in sorted((ROOT / "results").rglob("*.json")) if b'"kind"' in path.read_bytes()[:200]
    ]
    if os.environ.get("RECORDS") == "all":
        return found
    smallest = {path.parent: path for path in sorted(found, key=lambda path: -path.stat().st_size)}
    return sorted(smallest.values())


def made() -> dict[str, Any]:
    run = completed_record()
    pair = [Source(steady_record(), "a"), Source(steady_record(), "b")]
    return {
        "run": run,
        "simulation": simulation_record(),
        "comparison": compare(pair, Rules()),
        "baseline": BaselineRecord(
            name="main",
            saved="2026-11-24",
            reason="why",
            key=key_of(run),
            record=run,
            replaced=[],
            sha256="0" * 64,
        ),
        "reproduction": ReproductionRecord(
            id="r", created="2026", status="completed", verdicts=[], runs=[run]
        ),
        "command": command_record([1.0, 1.1]),
        "trace": trace_record(),
    }


def test_it_is_a_schema_itself() -> None:
    Draft202012Validator.check_schema(WHOLE.schema)
    for kind in documents.KINDS:
        Draft202012Validator.check_schema(of_kind(kind).schema)


def test_there_are_committed_records() -> None:
    assert len(committed()) > 10


@pytest.mark.parametrize("path", committed(), ids=lambda path: str(path.relative_to(ROOT / "results")))
def test_a_committed_record_follows_it(path: Path) -> None:
    document = json.loads(path.read_bytes())
    assert [error.message for error in of_kind(document["kind"]).iter_errors(document)] == []


def test_every_kind_is_tried() -> None:
    assert made().keys() == documents.KINDS.keys()


@pytest.mark.parametrize("kind", made())
def test_a_record_follows_the_schema_of_its_kind_and_of_no_other(kind: str) -> None:
    document = json.loads(msgspec.json.encode(made()[kind]))
    assert [error.message for error in of_kind(kind).iter_errors(document)] == []
    assert WHOLE.is_valid(document)
    assert [other for other in documents.KINDS if of_kind(other).is_valid(document)] == [kind]


def test_a_record_may_have_the_figures_of_the_study_or_not() -> None:
    """Those that were made on the study's machine have them; older ones have none."""
    figures = StudyFigures(1.01, 1.19, 2, of_this_model=True)
    for told in ({"figures": figures}, {}):
        run = completed_record(accuracy=Accuracy(known_here=True, study="here", text="", **told))
        document = json.loads(msgspec.json.encode(run))
        assert ("figures" in document["accuracy"]) == bool(told)
        assert WHOLE.is_valid(document)
    document["accuracy"]["figures"] = {"speedup_ratio_low": -1.0}
    assert not WHOLE.is_valid(document)


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": None},
        {"kind": "walk"},
        {"schema": {"name": "pipebench", "version": 2}},
        {"schema": {"name": "pipebench"}},
        {"launches": "six"},
        {"status": "fine"},
        {"speedup": []},
        {"launches": []},
    ],
    ids=str,
)
def test_what_pipebench_refuses_does_not_follow_it(damage: dict[str, object]) -> None:
    document = json.loads(msgspec.json.encode(completed_record())) | damage
    document = {name: value for name, value in document.items() if value is not None or name not in damage}
    assert not WHOLE.is_valid(document)
    with pytest.raises(CorruptRecordError):
        documents.decode(json.dumps(document).encode(), "it")


@pytest.mark.parametrize("name", ["baseline", "pipeline", "speedup", "verification", "bubble", "timeline"])
def test_only_a_completed_run_must_have_results(name: str) -> None:
    document = json.loads(msgspec.json.encode(completed_record())) | {name: None}
    if name in {"baseline", "pipeline"}:
        document["speedup"] = None
    assert not WHOLE.is_valid(document)
    with pytest.raises(CorruptRecordError, match="a completed record needs"):
        documents.decode(json.dumps(document).encode(), "it")
    for status in ("aborted", "failed"):
        ended = document | {"status": status}
        assert WHOLE.is_valid(ended)
        assert isinstance(documents.decode(json.dumps(ended).encode(), "it"), EndedEarly)


def test_a_run_is_one_of_two_by_its_status() -> None:
    schema = of_kind("run").schema
    assert schema["$ref"] == "#/$defs/RunRecord"
    assert [each["$ref"] for each in schema["$defs"]["RunRecord"]["oneOf"]] == [
        "#/$defs/CompletedRun",
        "#/$defs/EndedEarly",
    ]
    told = {
        name: schema["$defs"][name]["properties"]["status"]["enum"] for name in ("CompletedRun", "EndedEarly")
    }
    assert told == {"CompletedRun": ["completed"], "EndedEarly": ["aborted", "failed"]}


def test_unknown_fields_are_passed_over_as_pipebench_does() -> None:
    assert WHOLE.is_valid(json.loads(msgspec.json.encode(completed_record())) | {"later": 1})
