"""``--svg FILE`` of ``show`` and ``simulate``, through the installed command."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.builders import completed_record, ended_run, steady_record
from tests.cli.conftest import CompletedRun, Pipebench
from tests.cli.saved import save
from tests.cli.test_full_disk import limited
from tests.pages import PAGES, README, ROOT

RECORD = "results/schedules/20261124-170234-emulated8-gpipe-a4be70.json"
PICTURE = RECORD.replace(".json", ".svg")
WATERFALL = RECORD.replace(".json", "-waterfall.svg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(
        tmp_path,
        run=completed_record(),
        ended=ended_run(completed_record(), timeline=None),
        a=steady_record(),
        b=steady_record(),
    )
    return tmp_path


def shows(path: Path) -> str:
    """What a picture says of itself."""
    root = ET.parse(path).getroot()
    assert root.tag.endswith("svg")
    return root[0].text or ""


def test_show_draws_a_run_and_prints_no_report(
    pipebench: Pipebench, completed: CompletedRun, tmp_path: Path
) -> None:
    ended = pipebench("show", str(completed.path), "--svg", "t.svg", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "wrote t.svg: the timeline of one step, emulated, virtual time\n"
    assert shows(tmp_path / "t.svg") == "4 emulated devices, emulated, virtual time"


def test_with_json_there_are_both(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("show", "run.json", "--svg", "t.svg", "--json", cwd=folder)
    assert (ended.code, ended.out) == (0, (folder / "run.json").read_text())
    assert shows(folder / "t.svg") == "2 emulated devices, emulated, virtual time"


def test_simulate_draws_its_timeline(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("simulate", "--stages", "3", "--svg", "s.svg", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "wrote s.svg: the timeline of one step, simulated\n"
    assert shows(tmp_path / "s.svg") == "3 simulated devices, simulated"
    both = pipebench("simulate", "--stages", "3", "--svg", "again.svg", "--json", cwd=tmp_path)
    assert json.loads(both.out)["kind"] == "simulation"
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "s.svg").read_bytes()


def test_a_stored_simulation_is_drawn_as_it_was_when_it_was_made(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    made = pipebench("simulate", "--stages", "3", "--svg", "made.svg", "--json", cwd=tmp_path)
    (tmp_path / "s.json").write_text(made.out)
    assert pipebench("show", "s.json", "--svg", "shown.svg", cwd=tmp_path).code == 0
    assert (tmp_path / "shown.svg").read_bytes() == (tmp_path / "made.svg").read_bytes()


def test_a_plan_as_csv_has_no_timeline(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("simulate", "--csv", "--svg", "s.svg", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "--csv and --svg exclude each other" in ended.err
    assert not (tmp_path / "s.svg").exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ended.json", "ended.json: this run ended before a step was measured: it has no timeline to draw"),
        ("both.json", "both.json: a comparison has no timeline to draw: name a run, a simulation or a trace"),
    ],
)
def test_a_record_without_a_timeline_has_no_picture(
    pipebench: Pipebench, folder: Path, name: str, why: str
) -> None:
    compared = pipebench("compare", "a.json", "b.json", "--format", "json", cwd=folder)
    (folder / "both.json").write_text(compared.out)
    ended = pipebench("show", name, "--svg", "t.svg", cwd=folder)
    assert (ended.code, ended.out, ended.err) == (2, "", f"pipebench: error: {why}\n")
    assert not (folder / "t.svg").exists()


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("no/t.svg", "there is no such folder; make it, or name another file"),
        (".", "a folder of this name is there; name another file"),
        ("run.json/t.svg", "a file is in the way; name another file"),
    ],
)
@pytest.mark.parametrize("command", [("show", "run.json"), ("simulate",)])
def test_a_place_that_is_none_is_named(
    pipebench: Pipebench, folder: Path, command: tuple[str, ...], file: str, why: str
) -> None:
    ended = pipebench(*command, "--svg", file, cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"pipebench: error: --svg {file}: cannot be written: {why}\n"


def test_a_picture_replaces_pictures_only(pipebench: Pipebench, folder: Path) -> None:
    before = (folder / "run.json").read_bytes()
    ended = pipebench("show", "run.json", "--svg", "run.json", cwd=folder)
    assert (ended.code, (folder / "run.json").read_bytes()) == (2, before)
    assert "--svg run.json: expected no file or one of SVG, found another, which would be lost" in ended.err
    assert [pipebench("show", "run.json", "--svg", "t.svg", cwd=folder).code for _ in range(2)] == [0, 0]


def test_a_full_disk_leaves_the_older_picture(folder: Path) -> None:
    (folder / "t.svg").write_text("<svg/>")
    ended = limited(1, "show", "run.json", "--svg", "t.svg", cwd=folder)
    assert (ended.code, ended.out) == (7, "")
    assert "--svg t.svg: cannot be written: it is larger than a file may be (ulimit -f); raise" in ended.err
    assert (folder / "t.svg").read_text() == "<svg/>"
    assert {path.suffix for path in folder.iterdir()} == {".json", ".svg"}


def test_a_picture_can_go_to_stdout(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("show", "run.json", "--svg", "/dev/stdout", cwd=folder)
    assert ended.code == 0
    assert ET.fromstring(ended.out).tag.endswith("svg")


def test_the_readme_s_picture_is_of_its_record(pipebench: Pipebench, tmp_path: Path) -> None:
    """``pipebench show RECORD --svg PICTURE``, with both names as above, makes it anew."""
    made = tmp_path / "made.svg"
    assert pipebench("show", RECORD, "--svg", str(made), cwd=ROOT).code == 0
    assert (ROOT / PICTURE).read_bytes() == made.read_bytes(), f"pipebench show {RECORD} --svg {PICTURE}"
    assert f"]({PICTURE})" in PAGES[README]
    assert f"$ pipebench show {RECORD} " in PAGES[README]
    page = PAGES[ROOT / "docs" / "reading-a-result.md"]
    assert f"](../{PICTURE})" in page
    assert f"$ pipebench show {RECORD}\n" in page


def test_the_page_s_waterfall_is_of_its_record(pipebench: Pipebench, tmp_path: Path) -> None:
    """``pipebench explain RECORD --svg WATERFALL`` makes it anew."""
    made = tmp_path / "made.svg"
    ended = pipebench("explain", RECORD, "--svg", str(made), cwd=ROOT)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.endswith(": where the time goes, emulated, virtual time\n")
    assert (ROOT / WATERFALL).read_bytes() == made.read_bytes(), (
        f"pipebench explain {RECORD} --svg {WATERFALL}"
    )
    assert f"](../{WATERFALL})" in PAGES[ROOT / "docs" / "explain.md"]
    assert b"lost" in made.read_bytes()
    assert "\u2026" not in made.read_text(encoding="utf-8")  # nothing is cut


def test_a_waterfall_goes_where_it_can_be_written_or_nothing_is_explained(
    pipebench: Pipebench, folder: Path
) -> None:
    assert pipebench("explain", "run.json", "--svg", "nowhere/w.svg", cwd=folder).code == 2
    both = pipebench("explain", "run.json", "--svg", "w.svg", "--json", cwd=folder)
    assert both.code == 0
    assert both.out.startswith("{")
    assert shows(folder / "w.svg") == "2 emulated devices, emulated, virtual time"


def test_a_dash_is_no_name_of_a_file(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("show", "run.json", "--svg", "-", cwd=folder)
    assert ended.code == 2
    assert "for stdout name /dev/stdout" in ended.err
    assert not (folder / "-").exists()
