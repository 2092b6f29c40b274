"""``pipebench check`` through the installed command: every exit code."""

import json
import os
import re
from pathlib import Path

import msgspec
import pytest
import typer

from pipebench.cli.app import application
from pipebench.comparison.self_test import slowed
from pipebench.records import store
from pipebench.records.run import RunRecord
from pipebench.statistics.power import DEFAULT_THRESHOLD
from tests.builders import ended_run, steady_record
from tests.cli.conftest import Pipebench
from tests.cli.gated import written
from tests.cli.saved import numbered, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.mark.parametrize(
    ("current", "options", "code", "verdict"),
    [
        ("same", [], 0, "same"),
        ("base", [], 0, "same"),
        ("faster", [], 0, "improvement"),
        ("slower", [], 3, "regression"),
        ("slower", ["--gate", "words_per_s=9.5%"], 4, "inconclusive"),
        ("slower", ["--gate", "words_per_s=30%", "--gate", "step_s=30%"], 0, "same"),
        ("slower", ["--allow-inconclusive"], 3, "regression"),
        ("lying", [], 3, "regression"),
        ("noisy", [], 4, "inconclusive"),
        ("noisy", ["--allow-inconclusive"], 0, "inconclusive"),
        ("few", [], 4, "inconclusive"),
        ("other", [], 5, "incomparable"),
        ("other", ["--allow-mismatch", "hidden"], 0, "same"),
        ("other", ["--allow-inconclusive"], 5, "incomparable"),
        ("wall", ["--allow-mismatch", "device.kind", "--allow-mismatch", "machine"], 5, "incomparable"),
        (
            "wall",
            [f"--allow-mismatch={name}" for name in ("device.kind", "machine", "clock")],
            5,
            "incomparable",
        ),
        ("aborted", [], 9, "missing"),
        ("same", ["--gate", "peak_memory_bytes=3%"], 9, "missing"),
        ("same", ["--gate", "peak_memory_bytes=3%", "--allow-inconclusive"], 9, "missing"),
        ("same", ["--gate", "bubble_fraction=3%"], 4, "inconclusive"),
    ],
)
def test_the_exit_code_is_the_verdict(
    pipebench: Pipebench, folder: Path, current: str, options: list[str], code: int, verdict: str
) -> None:
    ended = pipebench("check", f"{current}.json", "--against", "base.json", *options, "--json", cwd=folder)
    document = json.loads(ended.out)
    assert (ended.code, document["overall"]["verdict"]) == (code, verdict)
    assert document["gate"]["exit_code"] == code
    assert ended.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["none.json", "--against", "base.json"], 2, "none.json: no such record"),
        (["same.json", "--against", "none.json"], 9, "reference none.json: no such record"),
        (["same.json", "--against", "empty"], 9, "reference empty: 0 completed runs"),
        (["same.json", "--against", "latest"], 9, "reference latest: 0 completed runs"),
        (["empty", "--against", "base.json"], 2, "empty: 0 runs"),
        (["corrupt.json", "--against", "base.json"], 10, "corrupt.json: not a pipebench record"),
        (["same.json", "--against", "corrupt.json"], 10, "corrupt.json: not a pipebench record"),
        (["same.json", "--against", ""], 9, "reference '': expected the name of a record"),
        (["", "--against", "base.json"], 2, "'': expected the name of a record"),
        (["x" * 300, "--against", "base.json"], 2, "File name too long"),
        (["same.json", "--against", "x" * 300], 9, "File name too long"),
        (["\x1b[31mx\u202e", "--against", "base.json"], 2, r"\x1b[31mx\u202e: no such record"),
        (["latin.json", "--against", "base.json"], 10, "latin.json: not a"),
        (["same.json", "--against", "base.json", "--junit", "."], 2, "--junit .: cannot be written"),
        (["--self-test", "--against", "nope"], 9, "reference nope: no such record"),
        (["--self-test", "nope"], 2, "nope: no such record"),
        (["same.json"], 2, "expected CURRENT and --against REFERENCE"),
        (["--against", "base.json"], 2, "expected CURRENT and --against REFERENCE"),
        (["same.json", "--against", "base.json", "--gate", "speed=3%"], 2, "METRIC one of words_per_s"),
        (
            ["same.json", "--against", "base.json", "--gate", "speedup=3"],
            2,
            "expected a percentage above 0 %",
        ),
        (
            ["same.json", "--against", "base.json", "--gate", "speedup=0%"],
            2,
            "expected a percentage above 0 %",
        ),
        (["same.json", "--against", "base.json", "--gate", "speedup=nan%"], 2, "expected a percentage"),
        (["same.json", "--against", "base.json", "--gate", "speedup"], 2, "expected a percentage"),
        (
            ["same.json", "--against", "base.json", "--junit", "no/x.xml"],
            2,
            "--junit no/x.xml: cannot be written",
        ),
    ],
)
def test_what_cannot_be_checked_is_one_line(
    pipebench: Pipebench, folder: Path, arguments: list[str], code: int, words: str
) -> None:
    (folder / "empty").mkdir()
    (folder / "latin.json").write_bytes((folder / "same.json").read_bytes().replace(b"fused", b"fus\xe9d"))
    ended = pipebench("check", *arguments, cwd=folder)
    assert ended.code == code
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1


def test_noise_that_is_allowed_passes_without_a_verdict(pipebench: Pipebench, folder: Path) -> None:
    arguments = ("check", "noisy.json", "--against", "base.json", "--allow-inconclusive")
    assert "exit 0 without a verdict, inconclusive is allowed" in pipebench(*arguments, cwd=folder).out


def test_runs_of_two_sessions_say_so_where_they_differ(pipebench: Pipebench, folder: Path) -> None:
    later = steady_record(1.1, created="2026-11-24T09:16:30+00:00")
    save(folder, later=later, later_same=msgspec.structs.replace(steady_record(), created=later.created))
    told = {
        name: pipebench("check", f"{name}.json", "--against", "base.json", cwd=folder).out
        for name in ("slower", "later", "later_same")
    }
    assert ["measured in another session" in told[name] for name in told] == [False, True, False]


def test_the_clock_is_never_let_pass_and_every_output_says_so(pipebench: Pipebench, folder: Path) -> None:
    fields = [f"--allow-mismatch={name}" for name in ("device.kind", "machine", "clock")]
    ended = pipebench("check", "wall.json", "--against", "base.json", *fields, cwd=folder)
    assert ended.code == 5
    assert "clock-never-passes" in ended.out
    assert "machine.name: 2014 -> none" in ended.out


def test_the_self_test_writes_no_junit(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("check", "--self-test", "--junit", "x.xml", cwd=folder)
    assert (ended.code, "leave out --junit" in ended.err) == (2, True)


def test_a_name_that_is_no_text_is_written_out(pipebench: Pipebench, folder: Path) -> None:
    odd = folder / os.fsdecode(b"od\xff.json")
    odd.write_bytes((folder / "same.json").read_bytes())
    ended = pipebench("check", str(odd), "--against", "base.json", "--json", cwd=folder)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["candidate"]["path"].endswith("od\\xff.json")
    listed = pipebench("list", ".", "--json", cwd=folder)
    assert any(line["path"].endswith("od\\xff.json") for line in json.loads(listed.out))
    assert pipebench("list", ".", cwd=folder).code == 0


def test_a_run_that_failed_last_is_not_passed_over(pipebench: Pipebench, tmp_path: Path) -> None:
    """The newest run is what CI has just made; the one before it says nothing of it."""
    failed = ended_run(numbered(3), "failed")
    save(tmp_path / "results/runs", **{record.id: record for record in (numbered(1), numbered(2), failed)})
    ended = pipebench("check", "latest", "--against", "latest", "--json", cwd=tmp_path)
    found = json.loads(ended.out)
    assert ended.code == 9
    assert (found["candidate"]["status"], found["reference"]["id"][:8]) == ("failed", "20261122")
    assert found["metrics"]["speedup"]["reason"] == "not in B (failed)"
    (tmp_path / "results/runs/20261130-000000.json").write_text("{")
    assert pipebench("check", "latest", "--against", "latest", cwd=tmp_path).code == 10


@pytest.mark.parametrize("columns", ["0", "1"])
def test_a_width_that_is_none_is_80_columns(pipebench: Pipebench, folder: Path, columns: str) -> None:
    arguments = ("check", "slower.json", "--against", "base.json")
    usual, odd = (pipebench(*arguments, cwd=folder, COLUMNS=each) for each in ("80", columns))
    assert odd == usual
    assert "▼ regression" in odd.out


@pytest.mark.parametrize("options", [[], ["--against", "base.json"], ["base.json", "--gate", "step_s=10%"]])
def test_the_self_test_catches_all_that_it_puts_in(
    pipebench: Pipebench, folder: Path, options: list[str]
) -> None:
    ended = pipebench("check", "--self-test", *options, cwd=folder)
    tried = "20261124-091500-emulated2-gpipe-3fa9c1" if options else "a made-up record"
    assert (ended.code, ended.err) == (0, f"tried on {tried}\n")
    lines = ended.out.splitlines()
    assert [line.split("found ")[1] for line in lines] == ["0", "3", "9", "10", "5", "9"]
    assert all(line.startswith("caught") for line in lines)


def test_the_self_test_prints_json_alone(pipebench: Pipebench, tmp_path: Path) -> None:
    document = json.loads(pipebench("check", "--self-test", "--json", cwd=tmp_path).out)
    assert [trial["caught"] for trial in document["trials"]] == [True] * 6
    assert (document["exit_code"], document["trials"][1]["expected"]) == (0, [3])


def test_the_self_test_fails_where_the_gate_cannot_fire(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("check", "--self-test", "noisy.json", cwd=folder)
    assert ended.code == 4
    unseen = [line for line in ended.out.splitlines() if line.startswith("UNSEEN")]
    assert len(unseen) == 1
    assert "a slowdown" in unseen[0]
    assert "hides what was put in" in ended.err


def test_the_record_of_a_real_run_passes_and_its_slower_self_does_not(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    (one,) = (Path(__file__).parents[2] / "results/schedules").glob("*gpipe*.json")
    record = store.read(one)
    assert isinstance(record, RunRecord)
    slower = store.write(slowed(record, 0.2), tmp_path)
    assert pipebench("check", str(one), "--against", str(one), "--allow-inconclusive").code == 0
    assert pipebench("check", str(slower), "--against", str(one), "--allow-inconclusive").code == 3
    bubble = ("--gate", "bubble_fraction=3%")
    assert pipebench("check", str(one), "--against", str(one), *bubble).code == 0


@pytest.mark.parametrize(("command", "times"), [("check", 4), ("ab", 3), ("guard", 1)])
def test_help_names_the_threshold_that_is_taken(command: str, times: int) -> None:
    group = typer.main.get_command(application([command]))
    assert isinstance(group, typer.core.TyperGroup)
    (text,) = [each.help for each in group.commands[command].params if "--gate" in each.opts]
    assert re.findall(r"\d+%", text) == [f"{DEFAULT_THRESHOLD:.0%}"] * times


def test_the_pages_name_the_threshold_that_is_taken() -> None:
    root = Path(__file__).parents[2]
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]
    named = {found for page in pages for found in re.findall(r"threshold \((\S+ %)\)", page.read_text())}
    assert named <= {f"{DEFAULT_THRESHOLD * 100:.0f} %"}
