"""``pipebench history`` through the installed command."""

import json
from pathlib import Path

import pytest

from pipebench.records import store
from tests.cli.conftest import Pipebench
from tests.cli.inside import printed
from tests.cli.saved import numbered, save
from tests.trace_records import trace_record


def test_a_folder_s_history_is_shown_and_printed(pipebench: Pipebench, tmp_path: Path) -> None:
    runs = [numbered(number, 1.0 + number / 100) for number in range(1, 6)]
    save(tmp_path / "results/runs", **{record.id: record for record in runs})
    shown = pipebench("history", cwd=tmp_path)
    assert shown.code == 0
    assert "words/s of 5 runs" in shown.out
    assert "█▆▄▃▁" in shown.out
    document = json.loads(pipebench("history", "step_s", "results", "--json", cwd=tmp_path).out)
    assert [point["id"][:8] for point in document["runs"]] == [f"2026112{number}" for number in range(1, 6)]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["taste"], 2, "history 'taste': expected one of words_per_s"),
        (["speedup", "nowhere"], 2, "nowhere: expected a folder"),
        (["speedup"], 9, "history: no completed run in results/runs"),
    ],
)
def test_what_has_no_history_is_one_line(
    pipebench: Pipebench, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    ended = pipebench("history", *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err


def test_the_committed_study_has_one(pipebench: Pipebench) -> None:
    ended = pipebench("history", "speedup", str(Path(__file__).parents[2] / "results/noise/default"))
    assert "speed-up of 10 runs" in ended.out


def test_recorded_runs_have_one_of_their_step(tmp_path: Path) -> None:
    for number in range(3):
        store.write(trace_record(number), tmp_path / "results/runs")
    code, out, _ = printed("history", cwd=tmp_path, columns="120")
    assert (code, out.startswith(b"step of 3 runs")) == (0, True)
    assert b"recorded run, 4 stages on 4 devices, 4 microbatches; wall clock" in out
    found = json.loads(printed("history", "bubble_fraction", "--json", cwd=tmp_path)[1])
    assert [round(point["value"], 3) for point in found["runs"]] == [0.429] * 3
