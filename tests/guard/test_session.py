"""A whole guard in this process, on a script with a virtual clock."""

from pathlib import Path

import pytest

from pipebench.ab.asked import Asked
from pipebench.ab.interleaving import Effort, EndedError
from pipebench.errors import UsageError
from pipebench.guard.commands import Measured
from pipebench.guard.metric import metric_named
from pipebench.records import store
from pipebench.records.command import CommandRecord
from tests.ab.launches import Watcher
from tests.guard.launches import session


@pytest.fixture(autouse=True)
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COUNTER", str(tmp_path / "counter"))
    return tmp_path / "counter"


def test_sides_take_turns_and_are_kept(tmp_path: Path, counter: Path) -> None:
    watcher = Watcher()
    found = session(tmp_path, asked=(Asked(), Asked(variables=["SLOWER=1.1"]))).measure(
        watcher, allow_inconclusive=False
    )
    assert counter.read_text() == "ABBAABBA"
    assert (found.overall.verdict, found.overall.metrics) == ("regression", ["step_s"])
    assert found.gate is not None
    assert found.gate.exit_code == 3
    assert found.looks is not None
    assert found.metrics["step_s"].change == pytest.approx(0.1, abs=0.02)
    assert [each.field for each in found.drift] == ["variables"]
    kept = [store.read(path) for path in sorted((tmp_path / "kept").glob("*.json"))]
    assert all(isinstance(each, CommandRecord) and len(each.launches) == 4 for each in kept)
    assert "step_s: lower is better" in watcher.notices


def test_warm_launches_come_first_and_do_not_count(tmp_path: Path, counter: Path) -> None:
    found = session(tmp_path, effort=Effort(warm=2)).measure(Watcher(), allow_inconclusive=False)
    assert counter.read_text() == "ABAB" + "ABBAABBA"
    assert found.metrics["step_s"].launches == [4, 4]


def test_a_rate_that_falls_is_a_regression(tmp_path: Path) -> None:
    asked = (Asked(), Asked(variables=["SLOWER=1.1"]))
    measured = Measured(metric_named("deep.rate_per_s"))
    found = session(tmp_path, asked=asked, measured=measured).measure(Watcher(), allow_inconclusive=False)
    assert (found.overall.verdict, found.overall.metrics) == ("regression", ["deep.rate_per_s"])
    assert found.metrics["deep.rate_per_s"].change == pytest.approx(1 / 1.1 - 1, abs=0.02)


@pytest.mark.parametrize("gate", ["20%", "step_s=20%"])
def test_a_change_within_the_gate_is_the_same(tmp_path: Path, gate: str) -> None:
    asked = (Asked(), Asked(variables=["SLOWER=1.1"]))
    found = session(tmp_path, asked=asked, gate=gate).measure(Watcher(), allow_inconclusive=False)
    assert (found.overall.verdict, found.metrics["step_s"].threshold) == ("same", 0.2)


def test_a_launch_that_breaks_leaves_those_before_it_and_its_errors(tmp_path: Path) -> None:
    script = (
        "import os, sys\nwith open(os.environ['COUNTER'], 'a') as file: file.write('x')\n"
        "if os.path.getsize(os.environ['COUNTER']) == 6: sys.exit('it broke')\n"
        "print('{\"step_s\": 1}\\n' * 3)"
    )
    with pytest.raises(EndedError, match=r"side B .*: .* exit code 1: it broke") as ended:
        session(tmp_path, script).measure(Watcher(), allow_inconclusive=False)
    one, other = (kept.record for kept in ended.value.kept)
    assert [len(each.launches) for each in (one, other)] == [3, 2]
    assert one.status == other.status == "aborted"
    assert one.failure is not None
    assert other.failure is not None
    assert (one.failure.log, other.failure.log) == (None, f"{other.id}.log")
    assert (tmp_path / "kept" / f"{other.id}.log").read_text() == "it broke\n"


def test_a_first_launch_that_breaks_leaves_a_record_for_its_errors(tmp_path: Path) -> None:
    with pytest.raises(EndedError) as ended:
        session(tmp_path, "raise SystemExit('at once')").measure(Watcher(), allow_inconclusive=False)
    (kept,) = ended.value.kept
    assert (kept.record.status, kept.record.launches) == ("failed", [])
    assert (tmp_path / "kept" / f"{kept.record.id}.log").read_text() == "at once\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"asked": (Asked(), Asked())}, "guard: expected what the sides are: --a and --b, or --a-env"),
        ({"asked": (Asked(ref="x"), Asked())}, "--a and --b: expected two refs"),
        ({"command": []}, "expected the command to measure, after --"),
        ({"effort": Effort(most=5)}, "--max-launches"),
        ({"effort": Effort(budget_s=0)}, "--budget"),
        ({"measured": Measured(metric_named("step_s"), skip=-1)}, "--skip"),
        ({"measured": Measured(metric_named("step_s"), within_s=float("nan"))}, "--timeout"),
        ({"gate": "words_per_s=3%"}, "--gate 'words_per_s=3%': expected 3% or step_s=3%: step_s is all"),
        ({"gate": "0%"}, "--gate '0%': expected a percentage .* as in 3% or step_s=3%$"),
        ({"gate": "25"}, "--gate '25': expected a percentage .* as in 3% or step_s=3%$"),
        ({"gate": "step_s="}, "--gate 'step_s=': expected a percentage"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        session(tmp_path, **changes)
