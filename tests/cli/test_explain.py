import json
import re
from math import isclose, prod
from pathlib import Path

import pytest

from tests.cli.conftest import CompletedRun, Pipebench

ROOT = Path(__file__).parent.parent.parent
(GPIPE,) = (ROOT / "results" / "schedules").glob("*-gpipe-*.json")


def test_the_factors_of_a_run_multiply_up_to_its_speed_up(
    pipebench: Pipebench, completed: CompletedRun
) -> None:
    ended = pipebench("explain", str(completed.path), "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    steps = found["waterfall"]
    assert isclose(prod(step["factor"] for step in steps), completed.record["speedup"]["value"], rel_tol=1e-9)
    assert (steps[0]["step"], steps[0]["factor"]) == ("devices", completed.record["device"]["count"])
    assert steps[-1]["step"] == "unexplained"
    assert found["record"] == completed.record["id"]
    assert found["clock"] == "virtual"
    assert found["bubble"] == completed.record["bubble"]
    assert found["devices"] == completed.record["devices"]
    (step,) = found["replay"]["steps"]
    assert step["measured_s"] == completed.record["timeline"]["makespan_s"]
    assert step["simulated_s"] == pytest.approx(step["measured_s"], rel=1e-9)


def test_changes_are_repeated_as_they_were_typed(pipebench: Pipebench) -> None:
    asked = (
        "stage 7 = mean",
        "device 3 x 0.9",
        "microbatches = mean",
        "link x 0.5",
        "link 3-4 = 1 GB/s, 50 us",
    )
    ended = pipebench(
        "explain", str(GPIPE), "--json", *(word for text in asked for word in ("--what-if", text))
    )
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert tuple(each["change"] for each in found["what_if"]) == asked
    replayed = found["replay"]["steps"][0]["simulated_s"]
    assert found["what_if"][0]["step_s"] < 0.8 * replayed  # the stage with the projection
    assert found["what_if"][4]["step_s"] > replayed  # a slower link than the machine's 10 GB/s


def test_without_a_record_the_newest_is_explained(pipebench: Pipebench, completed: CompletedRun) -> None:
    for arguments in (("latest", "-o", str(completed.folder)), (str(completed.folder),)):
        ended = pipebench("explain", *arguments)
        assert ended.code == 0, ended.err
        assert completed.record["id"] in ended.out
    assert "virtual time" in ended.out


def test_run_and_show_say_it_in_short(pipebench: Pipebench) -> None:
    brief, shown = (
        " ".join(pipebench("show", str(GPIPE), *options).out.split()) for options in ((), ("--all",))
    )
    assert (
        "the rest 8 devices 8.00x slices cost more than the whole batch x 0.79 6.36x fill and drain" in brief
    )
    assert "all else x 0.98 3.44x" in brief
    assert re.search(rf"next pipebench explain \S*{GPIPE.name} why where the time goes", brief)
    assert "8 devices x 0.79 (slices cost more than the whole batch) x 0.70 (fill and drain" in shown
    assert "= 3.44x accuracy" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("nothing-there",), 2, "no such record"),
        ((str(ROOT / "pyproject.toml"),), 10, "pyproject.toml"),
        ((str(GPIPE), "--what-if", "stage 8 = mean"), 2, "expected stages from 0 to 7"),
        ((str(GPIPE), "--what-if", "faster"), 2, "expected WHAT = mean"),
        ((str(GPIPE), "--what-if", "link 0-7 x 2"), 2, "devices 0 and 7 send each other nothing"),
        ((str(GPIPE), "--what-if", ""), 2, "expected WHAT = mean"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: tuple[str, ...], code: int, told: str, pipebench: Pipebench
) -> None:
    ended = pipebench("explain", *arguments)
    assert ended.code == code
    assert told in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not ended.out


def test_a_folder_beside_a_named_record_has_no_effect(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("explain", str(GPIPE), "-o", str(tmp_path))
    assert ended.code == 0
    assert "--output: no effect" in ended.err


def test_newer_runs_that_were_cut_short_are_passed_over_aloud(
    pipebench: Pipebench, completed: CompletedRun, tmp_path: Path
) -> None:
    record = json.loads(completed.printed)
    (tmp_path / completed.path.name).write_bytes(completed.path.read_bytes())
    newer = record | {"id": "29991231-000000-x", "created": "2999-12-31T00:00:00+00:00", "status": "aborted"}
    (tmp_path / "29991231-000000-x.json").write_text(json.dumps(newer))
    ended = pipebench("explain", str(tmp_path))
    assert ended.code == 0, ended.err
    assert "1 newer beside it passed over: not completed, or unreadable" in ended.err
    cut = pipebench("explain", str(tmp_path / "29991231-000000-x.json"), "--json")
    assert (cut.code, json.loads(cut.out)["status"]) == (0, "aborted")


@pytest.mark.parametrize("kept", ["none", "twice"])
def test_a_record_with_other_transfers_than_its_step_has_is_corrupt_and_can_still_be_shown(
    kept: str, pipebench: Pipebench, completed: CompletedRun, tmp_path: Path
) -> None:
    record = json.loads(completed.printed)
    transfers = record["timeline"]["transfers"]
    record["timeline"]["transfers"] = [] if kept == "none" else [*transfers, transfers[0]]
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(record))
    ended = pipebench("explain", str(path))
    assert ended.code == 10
    assert "each message once" in ended.err
    for options in ((), ("--all",)):
        shown = pipebench("show", str(path), *options)
        assert shown.code == 0
        assert "the rest" not in shown.out
        assert "explain" not in shown.out


def test_a_change_is_not_in_the_picture(pipebench: Pipebench, tmp_path: Path) -> None:
    asked = ("explain", str(GPIPE), "--what-if", "all x 2", "--svg", "w.svg")
    assert "--what-if: no effect, the picture is of the run as it was" in pipebench(*asked, cwd=tmp_path).err
    assert "no effect" not in pipebench(*asked, "--json", cwd=tmp_path).err
