"""``pipebench compare`` through the installed command."""

import json
import shlex
from pathlib import Path

import msgspec
import pytest

from pipebench.records import documents
from tests.builders import ended_run, simulation_record, steady_record, with_config
from tests.cli import golden
from tests.cli.conftest import Pipebench
from tests.cli.saved import numbered, save
from tests.hostile import friendly_record_of, hostile_record

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hostile = hostile_record(1.1)
    save(
        tmp_path,
        a=steady_record(),
        faster=steady_record(0.9),
        slower=steady_record(1.1),
        other=with_config(steady_record(), hidden=64),
        friendly=friendly_record_of(hostile),
        hostile=hostile,
    )
    return tmp_path


FORMATS = ("table", "md", "csv", "html", "junit", "github", "json")


@pytest.mark.parametrize("form", FORMATS)
def test_golden_formats(pipebench: Pipebench, folder: Path, write_golden: bool, form: str) -> None:
    arguments = ("compare", "a.json", "slower.json", "faster.json", "other.json", "--format", form)
    golden.check(f"compare-{form}", arguments, pipebench(*arguments, cwd=folder), write=write_golden)


@pytest.mark.parametrize("form", FORMATS)
def test_golden_formats_of_hostile_records(
    pipebench: Pipebench, folder: Path, write_golden: bool, form: str
) -> None:
    fields = ("dtype", "machine.name", "schedule")
    allowed = [word for field in fields for word in ("--allow-mismatch", field)]
    arguments = ("compare", "friendly.json", "hostile.json", "--format", form, *allowed)
    ended = pipebench(*arguments, cwd=folder)
    golden.check(f"hostile-{form}", arguments, ended, write=write_golden)
    assert ended.code == 0
    assert all(line.isprintable() for line in ended.out.splitlines())


def test_golden_study(pipebench: Pipebench, tmp_path: Path, write_golden: bool) -> None:
    wavefront = {"schedule": "wavefront", "microbatches": 4, "chunks": 8}
    save(
        tmp_path / "study",
        old=numbered(1, 1.5),
        gpipe=numbered(2),
        naive=numbered(3, 2.0, schedule="naive", microbatches=1),
        wavefront=numbered(4, 0.9, **wavefront),
    )
    arguments = ("compare", "study", "--by", "schedule")
    golden.check("study", arguments, pipebench(*arguments, cwd=tmp_path), write=write_golden)


def test_json_is_the_record_and_what_show_shows_again(pipebench: Pipebench, folder: Path) -> None:
    printed = pipebench("compare", "a.json", "slower.json", "--json", cwd=folder)
    document = json.loads(printed.out)
    assert (printed.code, printed.err) == (0, "")
    assert document["kind"] == "comparison"
    assert document["overall"]["verdict"] == "regression"
    assert document["metrics"]["words_per_s"]["verdict"] == "regression"
    assert printed.out == pipebench("compare", "a.json", "slower.json", "--format", "json", cwd=folder).out
    (folder / "comparison.json").write_text(printed.out)
    shown = pipebench("show", "comparison.json", cwd=folder)
    assert shown.out == pipebench("compare", "a.json", "slower.json", cwd=folder).out
    assert "comparison" in pipebench("list", ".", cwd=folder).out


def test_latest_and_folders_are_the_newest_completed_runs(pipebench: Pipebench, tmp_path: Path) -> None:
    runs = tmp_path / "results/runs"
    aborted = ended_run(numbered(4))
    save(runs, **{record.id: record for record in (numbered(1), numbered(2), numbered(3), aborted)})
    (runs / "20261129-000000-broken.json").write_text("{")
    (runs / "20261130-000000-simulation.json").write_bytes(documents.encode(simulation_record()))
    for name in ("latest", "results/runs"):
        found = json.loads(pipebench("compare", "latest~1", name, "--json", cwd=tmp_path).out)
        assert [found[side]["id"][:8] for side in ("reference", "candidate")] == ["20261122", "20261123"]
        assert "passed-over" in {warning["code"] for warning in found["warnings"]}
    elsewhere = pipebench("compare", "latest", "20261121", "-o", str(runs))
    assert elsewhere.code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a.json"], 2, "at least two records, found 1"),
        (["a.json", "none.json"], 2, "none.json: no such record"),
        (["a.json", "latest"], 2, "0 completed runs in results"),
        (["a.json", "empty"], 2, "0 completed runs in empty"),
        (["empty", "--by", "schedule"], 2, "no completed run in this folder"),
        (["a.json", "slower.json", "--format", "pdf"], 2, "--format 'pdf': expected one of table, json"),
        (["a.json", "slower.json", "--by", "colour"], 2, "--by 'colour': expected one of schedule, gpus"),
        (["a.json", "slower.json", "--allow-mismatch", "x"], 2, "--allow-mismatch 'x': expected one of"),
        (["a.json", "broken.json"], 10, "broken.json: not a pipebench record"),
        (
            ["a.json", "simulation.json"],
            10,
            "expected the record of a run, a command or a trace, found that of a simulation",
        ),
        (["a.json", "zero.json"], 10, "expected pipeline steps between 1e-09 and 1e+09 s"),
        (["a.json", "wrong.json"], 10, "its gradients differ from the baseline's"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    pipebench: Pipebench, folder: Path, arguments: list[str], code: int, words: str
) -> None:
    (folder / "empty").mkdir()
    (folder / "broken.json").write_text('{"schema": ')
    (folder / "simulation.json").write_bytes(documents.encode(simulation_record()))
    record = steady_record()
    assert record.verification is not None
    wrong = msgspec.structs.replace(record.verification, max_relative_gradient_error=0.5)
    save(folder, wrong=msgspec.structs.replace(record, verification=wrong))
    values = json.loads(documents.encode(record))
    values["launches"][0]["pipeline"]["step_s"] = [1e300]
    (folder / "zero.json").write_text(json.dumps(values))
    ended = pipebench("compare", *arguments, cwd=folder)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(("names", "code"), [(["other"], 5), (["aborted"], 9), (["other", "slower"], 0)])
def test_the_exit_code_says_whether_a_comparison_was_made(
    pipebench: Pipebench, folder: Path, names: list[str], code: int
) -> None:
    save(folder, aborted=ended_run(steady_record()))
    assert pipebench("compare", "a.json", *(f"{name}.json" for name in names), cwd=folder).code == code


def test_ascii_output_loses_no_word(pipebench: Pipebench, folder: Path) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    for form in ("table", "md", "html"):
        ended = pipebench("compare", "a.json", "slower.json", "--format", form, cwd=folder, **ascii_only)
        assert (ended.code, ended.out.isascii()) == (0, True), ended.err
        assert "regression" in ended.out


def test_real_records_of_one_study_compare(pipebench: Pipebench) -> None:
    results = Path(__file__).parents[2] / "results"
    study = pipebench("compare", str(results / "wavefront"), "--by", "schedule", "--format", "md")
    assert study.code == 0
    assert "A `gpipe`" in study.out
    assert "B `wavefront`" in study.out
    mixed = pipebench("compare", str(results / "two-ranks/emulated"), str(results / "two-ranks/real"))
    assert mixed.code == 5
    assert "clock" in mixed.out


def test_records_that_differ_in_what_a_study_varies_come_with_the_command_that_compares_them(
    pipebench: Pipebench,
) -> None:
    (naive,) = (ROOT / "results" / "schedules").glob("*-naive-*.json")
    (wavefront,) = (ROOT / "results" / "schedules").glob("*-wavefront-*.json")
    apart = pipebench("compare", str(naive), str(wavefront))
    assert apart.code == 5
    told = apart.err.splitlines()[-1]
    assert (
        "they differ in the schedule, microbatches and chunks, which may all differ with --by schedule"
        in told
    )
    words = shlex.split(told.partition("side by side: ")[2])
    assert pipebench(*words[words.index("compare") :]).code == 0
    assert "side by side" not in pipebench("compare", str(naive), str(naive)).err


def test_records_that_differ_in_the_schedule_alone_are_told_so(pipebench: Pipebench, folder: Path) -> None:
    save(folder, other=with_config(steady_record(), schedule="1f1b"))
    told = pipebench("compare", "a.json", "other.json", cwd=folder).err.splitlines()[-1]
    assert "they differ in the schedule alone; side by side: " in told
