import json
from pathlib import Path

import msgspec
import pytest

from pipebench.records import store
from tests.cli.conftest import CompletedRun, Pipebench
from tests.cli.inside import printed
from tests.trace_records import trace_record


def test_show_prints_the_report_and_says_virtual(pipebench: Pipebench, completed: CompletedRun) -> None:
    ended = pipebench("show", str(completed.path))
    assert ended.code == 0
    assert "virtual time" in ended.out
    assert completed.record["id"] in ended.out
    assert f"{completed.record['speedup']['value']:.2f}x" in ended.out


def test_show_all_prints_the_whole_report(pipebench: Pipebench, completed: CompletedRun) -> None:
    brief = pipebench("show", str(completed.path))
    ended = pipebench("show", str(completed.path), "--all")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"4 emulated devices, virtual time   {completed.record['id']}\n")
    for part in ("model ", "plan ", "race ", "bubble ", "dilation ", "sources ", "busy to idle"):
        assert f"\n{part}" in ended.out
        assert f"\n{part}" not in brief.out


def test_run_and_show_print_the_same(pipebench: Pipebench, completed: CompletedRun) -> None:
    """But for what is worth trying next; the command that shows all of it is one."""
    shown = pipebench("show", str(completed.path)).out.splitlines()
    where = [line.split(maxsplit=1) for line in shown[-4:]]
    assert [name for name, _ in where] == ["record", "all", "next", "why"]
    assert where[0][1] == str(completed.path)
    assert where[1][1] == f"pipebench show --all {completed.path}"
    assert where[2][1] == f"pipebench explain {completed.path}"


def test_show_json_prints_the_stored_document(pipebench: Pipebench, completed: CompletedRun) -> None:
    assert pipebench("show", str(completed.path), "--json").out == completed.path.read_text()


def test_show_finds_a_record_by_id_and_as_the_latest(pipebench: Pipebench, completed: CompletedRun) -> None:
    folder = str(completed.folder)
    for name in (completed.record["id"], "latest"):
        ended = pipebench("show", name, "-o", folder, "--json")
        assert json.loads(ended.out)["id"] == completed.record["id"]
    assert pipebench("show", "latest~1", "-o", folder).code == 2


def test_show_prints_the_schema_of_all_records_or_of_one_s_kind(completed: CompletedRun) -> None:
    code, out, err = printed("show", "--schema", cwd=completed.folder)
    assert (code, err) == (0, b"")
    assert [root["$ref"] for root in json.loads(out)["oneOf"]][:2] == [
        "#/$defs/RunRecord",
        "#/$defs/SimulationRecord",
    ]
    code, out, err = printed("show", str(completed.path), "--schema", cwd=completed.folder)
    assert (code, err) == (0, b"")
    assert json.loads(out)["$ref"] == "#/$defs/RunRecord"


@pytest.mark.parametrize("other", [("--json",), ("--svg", "x.svg"), ("--all",)])
def test_a_schema_is_no_record(other: tuple[str, ...], tmp_path: Path) -> None:
    code, out, err = printed("show", "--schema", *other, cwd=tmp_path)
    assert (code, out) == (2, b"")
    assert err.decode() == f"pipebench: error: --schema and {other[0]} exclude each other: leave one out\n"


def test_show_keeps_plain_ascii_where_nothing_else_can_be_shown(
    pipebench: Pipebench, completed: CompletedRun
) -> None:
    ended = pipebench("show", str(completed.path), PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert ended.code == 0
    assert ended.out.isascii()
    assert "|FF" in ended.out.replace("+", "F")


def test_no_colour_in_a_pipe(pipebench: Pipebench, completed: CompletedRun) -> None:
    assert "\x1b" not in pipebench("show", str(completed.path)).out


def test_markup_in_a_record_is_inert(pipebench: Pipebench, completed: CompletedRun, tmp_path: Path) -> None:
    record = json.loads(completed.printed)
    record["device"]["names"] = ["[bold]CPU[/bold]"] * 4
    record["config"]["text"] = "[/]odd.txt"
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(record))
    brief, whole = (pipebench("show", str(path), *options, COLUMNS="200") for options in ((), ("--all",)))
    assert (brief.code, whole.code) == (0, 0)
    assert "[bold]CPU[/bold]" in brief.out
    assert "[bold]CPU[/bold]" in whole.out
    assert "[/]odd.txt" in whole.out


def test_what_a_terminal_might_obey_is_escaped_in_json(
    pipebench: Pipebench, completed: CompletedRun, tmp_path: Path
) -> None:
    name = "x\x7f\x1b\u202ey\u00e9"
    (tmp_path / "odd.json").write_text(json.dumps(json.loads(completed.printed) | {"id": name}))
    ended = pipebench("list", str(tmp_path), "--json")
    assert [letter for letter in ended.out if not (letter.isprintable() or letter == "\n")] == []
    assert json.loads(ended.out)[0]["id"] == name


def test_list_shows_every_record_and_names_the_unreadable(
    pipebench: Pipebench, completed: CompletedRun, tmp_path: Path
) -> None:
    (tmp_path / completed.path.name).write_bytes(completed.path.read_bytes())
    (tmp_path / "broken.json").write_text("{")
    ended = pipebench("list", str(tmp_path), COLUMNS="160")
    assert ended.code == 0
    assert completed.record["id"] in ended.out
    assert "unreadable" in ended.out
    lines = json.loads(pipebench("list", str(tmp_path), "--json").out)
    assert [line["status"] for line in lines] == ["completed", "unreadable"]


def test_a_folder_stands_for_its_newest_record(pipebench: Pipebench, completed: CompletedRun) -> None:
    assert pipebench("show", str(completed.path.parent)).out == pipebench("show", str(completed.path)).out


def test_a_baseline_s_name_leads_to_its_command(
    pipebench: Pipebench, completed: CompletedRun, tmp_path: Path
) -> None:
    (tmp_path / "results/baselines/main").mkdir(parents=True)
    (tmp_path / "results/baselines/main/0.json").write_bytes(completed.path.read_bytes())
    ended = pipebench("show", "main", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "main: the name of a saved baseline: pipebench baseline show main" in ended.err


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_shows_nothing(pipebench: Pipebench, completed: CompletedRun, name: str) -> None:
    ended = pipebench("show", name, "-o", str(completed.path.parent))
    assert (ended.code, ended.out) == (2, "")


def test_an_empty_folder_is_no_error(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("list", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "")
    assert "no records" in ended.err


def test_a_recorded_run_is_shown_listed_and_drawn(tmp_path: Path) -> None:
    record = trace_record()
    path = store.write(record, tmp_path / "results/runs")
    code, out, err = printed("show", cwd=tmp_path, columns="100")
    assert (code, err) == (0, b"")
    assert out.startswith(b"recorded run, wall clock")
    assert printed("show", record.id, "--json", cwd=tmp_path)[1] == path.read_bytes()
    code, out, err = printed("show", "--svg", "t.svg", cwd=tmp_path)
    assert (code, out) == (0, b"")
    assert b"the timeline of one step, wall clock, recorded by another program" in err
    assert "recorded by another program" in (tmp_path / "t.svg").read_text()
    code, out, _ = printed("list", cwd=tmp_path, columns="160")
    assert (code, b"run-0.csv: 4 devices, 4 microbatches" in out) == (0, True)
    (line,) = json.loads(printed("list", "--json", cwd=tmp_path)[1])
    assert (line["kind"], line["step_s"]) == ("trace", record.step_s)


def test_a_recorded_run_whose_step_is_of_another_plan_is_corrupt(tmp_path: Path) -> None:
    record = trace_record()
    plan = msgspec.structs.replace(record.plan, microbatches=2)
    store.write(msgspec.structs.replace(record, plan=plan), tmp_path / "results/runs")
    code, out, err = printed("show", cwd=tmp_path)
    assert (code, out) == (10, b"")
    assert b"timeline: not one of this configuration" in err
    assert err.count(b"\n") == 1
