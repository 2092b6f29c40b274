"""``pipebench baseline`` through the installed command, and its names in ``check`` and ``compare``."""

import json
from pathlib import Path

import msgspec
import pytest

from pipebench.records.schema import WarningRecord
from tests.builders import ended_run, with_config
from tests.cli.conftest import Pipebench
from tests.cli.saved import numbered, save


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Runs 1 to 4: one to start with, one as fast, one slower, one of another model."""
    runs = [numbered(1), numbered(2, 1.001), numbered(3, 1.1), with_config(numbered(4), hidden=64)]
    save(tmp_path / "results/runs", **{record.id: record for record in runs})
    return tmp_path


def test_a_baseline_is_saved_listed_shown_promoted_and_verified(pipebench: Pipebench, place: Path) -> None:
    def baseline(*arguments: str, code: int = 0) -> str:
        ended = pipebench("baseline", *arguments, cwd=place, COLUMNS="200")
        assert ended.code == code, ended.err
        return ended.out + ended.err

    assert "no saved baselines" in baseline("list")
    assert "none of this name" in baseline("show", code=9)
    assert "no saved baselines" in baseline("verify", code=9)
    path = baseline("save", "20261121", "--reason", "release 1 [bold]\x1b[31m").strip()
    assert (place / path).is_file()
    listed = baseline("list")
    assert "20261121-091500" in listed
    assert r"release 1 [bold]\x1b[31m" in listed
    assert "use pipebench baseline promote" in baseline("save", "20261122", "--reason", "x", code=2)
    baseline("promote", "20261122", "--reason", "release 2")
    shown = baseline("show", "main")
    assert "release 2" in shown
    assert "before  20261121-091500" in shown
    assert "hidden 32" in shown
    assert baseline("verify").startswith("good  results/baselines/main/")
    (place / path).write_text("{")
    wrong = baseline("verify", code=10)
    assert wrong.startswith("wrong  results/baselines/main/")
    assert wrong.count("results/baselines/main/") == 1
    assert "unreadable" in baseline("list")
    assert "restore it from version control" in baseline("list", "--json")


def test_check_and_compare_know_it_by_its_name(pipebench: Pipebench, place: Path) -> None:
    assert pipebench("baseline", "save", "20261121", "--reason", "r", cwd=place).code == 0
    codes = {
        run: pipebench("check", run, "--against", "main", cwd=place).code
        for run in ("20261122", "20261123", "20261124")
    }
    assert codes == {"20261122": 0, "20261123": 3, "20261124": 9}
    allowed = pipebench("check", "20261124", "--against", "main", "--allow-mismatch", "hidden", cwd=place)
    assert allowed.code == 0
    compared = json.loads(pipebench("compare", "main", "20261123", "--json", cwd=place).out)
    assert compared["reference"]["id"] == numbered(1).id
    assert compared["overall"]["verdict"] == "regression"
    assert pipebench("baseline", "save", "20261122", "--name", "next", "--reason", "r", cwd=place).code == 0
    assert "= same" in pipebench("compare", "main", "next", cwd=place).out
    assert pipebench("baseline", "save", "20261124", "--reason", "r", cwd=place).code == 0
    several = pipebench("compare", "main", "next", cwd=place)
    assert (several.code, "main: the name of several saved baselines" in several.err) == (2, True)
    tried = pipebench("check", "--self-test", "--against", "next", cwd=place)
    assert (tried.code, f"tried on {numbered(2).id}" in tried.err) == (0, True)


def test_a_noisy_run_is_saved_with_a_notice(pipebench: Pipebench, place: Path) -> None:
    noisy = numbered(5)
    warnings = [WarningRecord("cpu-contention", "x", "y")]
    save(place, noisy=msgspec.structs.replace(noisy, warnings=warnings))
    ended = pipebench("baseline", "save", "noisy.json", "--reason", "r", cwd=place)
    assert ended.code == 0
    assert "often be inconclusive (cpu-contention)" in ended.err


def test_a_run_that_failed_becomes_no_baseline(pipebench: Pipebench, place: Path) -> None:
    save(place, failed=ended_run(numbered(5), "failed"))
    ended = pipebench("baseline", "save", "failed.json", "--reason", "r", cwd=place)
    assert (ended.code, "found one that is failed" in ended.err) == (2, True)
    assert pipebench("baseline", "save", "none.json", "--reason", "r", cwd=place).code == 2
    for name in ("results", "20261122", numbered(2).id, "x" * 300, ""):
        ended = pipebench("baseline", "save", "20261121", "--reason", "r", "--name", name, cwd=place)
        assert (ended.code, "--name" in ended.err) == (2, True)
    ended = pipebench("baseline", "promote", "20261121", "--reason", "r", "--name", "none", cwd=place)
    assert ended.code == 9


def test_json_is_one_document(pipebench: Pipebench, place: Path) -> None:
    assert json.loads(pipebench("baseline", "list", "--json", cwd=place).out) == []
    pipebench("baseline", "save", "20261121", "--reason", "r", cwd=place)
    (line,) = json.loads(pipebench("baseline", "show", "--json", cwd=place).out)
    assert (line["name"], line["reason"], line["key"]["config.hidden"]) == ("main", "r", "32")
    assert pipebench("show", line["path"], cwd=place).code == 0
    assert "baseline" in pipebench("list", "results/baselines", cwd=place).out
