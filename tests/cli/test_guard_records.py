"""What the other commands make of the records that ``pipebench guard`` keeps."""

import json
from pathlib import Path

import pytest

from tests.builders import steady_record
from tests.cli.conftest import Pipebench
from tests.cli.saved import save
from tests.guard.launches import record


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commands, a run, and one that cannot be compared with either."""
    place = tmp_path_factory.mktemp("commands")
    save(
        place,
        base=record([1.0, 1.01, 0.99, 1.0], id="base", environment={"commit": "abc", "cpu_model": "x"}),
        slower=record([1.1, 1.11, 1.09, 1.1], id="slower", variables=["X"]),
        few=record([1.0, 1.0], id="few"),
        other=record([1.0] * 4, id="other", command=["python", "other.py"]),
        elsewhere=record([1.0, 1.01, 0.99, 1.0], id="elsewhere", environment={"cpu_model": "y"}),
        failed=record([], id="failed", status="failed"),
        run=steady_record(),
    )
    return place


@pytest.mark.parametrize(
    ("current", "options", "code", "words"),
    [
        ("slower", (), 3, "step_s"),
        ("slower", ("--gate", "step_s=20%"), 0, "20 %"),
        ("slower", ("--gate", "words_per_s=3%"), 2, "expected METRIC=3% with METRIC one of step_s"),
        ("base", (), 0, "same-record"),
        ("few", (), 4, "too-few-launches"),
        ("other", (), 5, "python train.py -> python other.py"),
        ("other", ("--allow-mismatch", "command"), 0, "allowed"),
        ("elsewhere", (), 5, "environment.cpu_model: x -> y"),
        ("elsewhere", ("--allow-mismatch", "cpu_model"), 0, "allowed"),
        ("failed", (), 9, "not in B (failed)"),
        ("run", (), 5, "expected records of one kind"),
    ],
)
def test_check_takes_commands(
    pipebench: Pipebench, folder: Path, current: str, options: tuple[str, ...], code: int, words: str
) -> None:
    ended = pipebench("check", f"{current}.json", "--against", "base.json", *options, cwd=folder)
    assert ended.code == code, ended.err
    assert words in " ".join((ended.out + ended.err).split())


@pytest.mark.parametrize("form", ["table", "json", "md", "csv", "html", "junit", "github"])
def test_compare_takes_commands_in_every_format(pipebench: Pipebench, folder: Path, form: str) -> None:
    ended = pipebench("compare", "base.json", "slower.json", "few.json", "--format", form, cwd=folder)
    assert ended.code == 0, ended.err
    assert "step" in ended.out
    assert "train.py" in ended.out or form in {"csv", "junit", "github"}


def test_compare_refuses_a_run_beside_a_command(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("compare", "base.json", "run.json", cwd=folder)
    assert (ended.code, len(ended.err.splitlines())) == (5, 1)


def test_show_and_list_tell_what_ran(pipebench: Pipebench, folder: Path) -> None:
    shown = pipebench("show", "base.json", cwd=folder)
    assert "python train.py" in shown.out
    assert "abc" in shown.out
    assert " over 4 launches; a launch spreads by 0.82 %" in shown.out
    assert json.loads(pipebench("show", "base.json", "--json", cwd=folder).out)["kind"] == "command"
    listed = pipebench("list", ".", cwd=folder, COLUMNS="200")
    assert "step_s 1.10 s" in listed.out
    lines = {line["id"]: line for line in json.loads(pipebench("list", ".", "--json", cwd=folder).out)}
    assert lines["slower"]["value"] == pytest.approx(1.1, rel=1e-3)
    assert lines["failed"]["value"] is None


def test_history_is_that_of_one_configuration(pipebench: Pipebench, folder: Path, tmp_path: Path) -> None:
    runs = {
        f"{n:02}": record(
            [(1.0 if n < 10 else 1.2) + n % 3 / 1000] * 4,
            id=f"{n:02}",
            created=f"2026-11-{n + 1:02}T00:00:00+00:00",
        )
        for n in range(20)
    }
    save(tmp_path, **runs, other=record([9.0] * 4, id="x", command=["other"]))
    found = json.loads(pipebench("history", "step_s", str(tmp_path), "--json").out)
    assert (len(found["runs"]), found["other_configurations"], found["better"]) == (1, 20, "lower")
    (tmp_path / "other.json").unlink()
    found = json.loads(pipebench("history", "step_s", str(tmp_path), "--json").out)
    assert [change["id"] for change in found["changes"]] == ["10"]
    assert "step_s of 20 runs" in pipebench("history", "step_s", str(tmp_path)).out
    assert pipebench("history", "colour", str(folder)).code == 2


def test_merge_joins_the_launches_of_one_configuration(
    pipebench: Pipebench, folder: Path, tmp_path: Path
) -> None:
    save(tmp_path, one=record([1.0, 1.1], id="one"), two=record([1.2, 1.3], id="two"))
    ended = pipebench("merge", "one.json", "two.json", "--json", "-o", "joined", cwd=tmp_path)
    found = json.loads(ended.out)
    assert (len(found["launches"]), found["merged_from"]) == (4, ["one", "two"])
    assert pipebench("show", "joined", cwd=tmp_path).code == 0
    ended = pipebench("merge", str(folder / "base.json"), str(folder / "slower.json"), cwd=tmp_path)
    assert (ended.code, "variables" in ended.err) == (5, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "base.json"),
        ("baseline", "save", "base.json", "--reason", "x"),
        ("check", "--self-test", "--against", "base.json"),
    ],
)
def test_what_only_a_run_has_is_refused_in_a_line(
    pipebench: Pipebench, folder: Path, arguments: tuple[str, ...]
) -> None:
    ended = pipebench(*arguments, cwd=folder)
    assert (ended.code, ended.out) == (10, "")
    assert ended.err.endswith("expected the record of a run, found that of a command\n")


def test_a_command_has_no_timeline(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("show", "base.json", "--svg", "x.svg", cwd=folder)
    assert (ended.code, "a command has no timeline to draw" in ended.err) == (2, True)
