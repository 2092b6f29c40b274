"""The order of launches, when it ends, and what is kept of it."""

import errno
from pathlib import Path
from random import Random

import pytest

from pipebench.ab.interleaving import Effort, EndedError, Interleaved
from pipebench.ab.sides import Side, SideError
from pipebench.comparison.compare import Rules
from pipebench.errors import EnvironmentRefusedError, ExitCode, InterruptedRunError
from pipebench.records import store
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.run import RunRecord
from pipebench.records.schema import Failure
from tests.ab.launches import SIDES, Machine, Watcher, one_launch
from tests.builders import with_config


class Seconds:
    """A clock that a launch advances."""

    def __init__(self, launch_s: float) -> None:
        self.now_s, self.launch_s = 0.0, launch_s

    def __call__(self) -> float:
        return self.now_s


def measured(
    folder: Path, machine: Machine, *, launch_s: float = 1.0, effort: Effort | None = None, **rules: object
) -> ComparisonRecord:
    seconds = Seconds(launch_s)

    def launch(side: Side) -> RunRecord:
        seconds.now_s += seconds.launch_s
        return machine.launch(side)

    interleaved = Interleaved(SIDES, launch, Watcher(), clock=seconds)
    return interleaved.measure(effort or Effort(), Rules(**rules), folder)


def quiet(seed: int = 1, **changes: float) -> Machine:
    return Machine(Random(seed), log_sd=0.002, **changes)


def test_sides_take_turns_and_a_clear_verdict_ends_it(tmp_path: Path) -> None:
    machine = quiet()
    found = measured(tmp_path, machine)
    assert machine.order == "ABBAABBA"
    assert (found.overall.verdict, found.gate.exit_code if found.gate else None) == ("same", 0)
    assert found.looks is not None
    assert (found.looks.taken, found.looks.planned) == (1, 6)
    assert found.looks.level == pytest.approx(0.05 / 6)


def test_a_slower_b_is_a_regression_and_a_slower_a_an_improvement(tmp_path: Path) -> None:
    slower = measured(tmp_path, quiet(slower=1.1))
    assert slower.overall.verdict == "regression"
    assert slower.gate is not None
    assert slower.gate.exit_code == 3
    assert measured(tmp_path, quiet(slower=0.9)).overall.verdict == "improvement"


def test_both_sides_are_kept_as_records_of_all_their_launches(tmp_path: Path) -> None:
    found = measured(tmp_path, quiet())
    paths = [Path(found.reference.path), Path(found.candidate.path)]
    assert sorted(tmp_path.glob("*.json")) == paths
    for path in paths:
        record = store.read(path)
        assert isinstance(record, RunRecord)
        assert (record.status, len(record.launches), record.config.launches) == ("completed", 4, 4)
    assert not found.warnings


def test_noise_takes_all_launches_and_is_inconclusive(tmp_path: Path) -> None:
    machine = Machine(Random(3), log_sd=0.1)
    found = measured(tmp_path, machine, effort=Effort(most=8))
    assert (found.overall.verdict, len(machine.order)) == ("inconclusive", 16)
    assert found.looks is not None
    assert (found.looks.taken, found.looks.planned) == (3, 3)


def test_the_first_round_begins_however_late_it_is(tmp_path: Path) -> None:
    """A machine that stood still between the two readings of the clock that a budget needs."""
    machine = Machine(Random(1), log_sd=0.01)
    readings = iter([0.0, *[60.0 + number for number in range(20)]])
    interleaved = Interleaved(SIDES, machine.launch, Watcher(), clock=lambda: next(readings))
    found = interleaved.measure(Effort(budget_s=0.001), Rules(), tmp_path)
    assert (machine.order, found.candidate.launches) == ("ABBA", 2)


@pytest.mark.parametrize(
    ("budget_s", "launches", "taken"), [(1.0, 2, 1), (7.9, 2, 1), (8.0, 4, 1), (12.0, 6, 2), (23.0, 10, 4)]
)
def test_no_round_begins_that_would_end_after_the_budget(
    tmp_path: Path, budget_s: float, launches: int, taken: int
) -> None:
    machine = Machine(Random(3), log_sd=0.1)
    found = measured(tmp_path, machine, effort=Effort(budget_s=budget_s))
    assert (found.overall.verdict, len(machine.order)) == ("inconclusive", 2 * launches)
    assert found.looks is not None
    assert (found.looks.taken, found.looks.planned) == (taken, 6)
    reasons = {each.reason for each in found.metrics.values() if each.gated}
    assert reasons == {"too-few-launches" if launches < 4 else "wide-interval"}


def test_what_cannot_be_compared_ends_after_one_launch_each(tmp_path: Path) -> None:
    class Other(Machine):
        def launch(self, side: Side) -> RunRecord:
            record = super().launch(side)
            return with_config(record, schedule="1f1b") if side.label == "B" else record

    machine = Other(Random(1), log_sd=0.002)
    found = measured(tmp_path, machine)
    assert machine.order == "AB"
    assert found.gate is not None
    assert (found.overall.verdict, found.gate.exit_code) == ("incomparable", 5)
    allowed = Other(Random(1), log_sd=0.002)
    found = measured(tmp_path, allowed, allowed=frozenset({"config.schedule"}))
    assert (found.overall.verdict, allowed.order) == ("same", "ABBAABBA")
    assert [each.field for each in found.allowed] == ["config.schedule"]


@pytest.mark.parametrize(
    ("error", "complete"),
    [
        (InterruptedRunError("interrupted"), 5),
        (SideError("side B", "x", ExitCode.RUN_FAILED), 1),
        (SideError("side A", "x", ExitCode.DEADLINE), 0),
    ],
)
def test_complete_launches_are_kept_whatever_ends_it(tmp_path: Path, error: Exception, complete: int) -> None:
    machine = quiet()

    def launch(side: Side) -> RunRecord:
        if len(machine.order) == complete:
            raise error
        return machine.launch(side)

    with pytest.raises(EndedError) as ended:
        Interleaved(SIDES, launch, Watcher()).measure(Effort(), Rules(), tmp_path)
    assert ended.value.cause is error
    records = [store.read(kept.path) for kept in ended.value.kept if kept.path is not None]
    assert sorted(tmp_path.glob("*.json")) == [kept.path for kept in ended.value.kept]
    assert [len(r.launches) for r in records if isinstance(r, RunRecord)] == [
        number for number in (machine.order.count("A"), machine.order.count("B")) if number
    ]
    assert all(isinstance(record, RunRecord) and record.status == "aborted" for record in records)


def test_a_bug_of_ours_costs_no_complete_launch_and_stays_a_bug(tmp_path: Path) -> None:
    machine = quiet()

    def launch(side: Side) -> RunRecord:
        if len(machine.order) == 2:
            raise KeyError("layer")
        return machine.launch(side)

    with pytest.raises(KeyError) as bug:
        Interleaved(SIDES, launch, Watcher()).measure(Effort(), Rules(), tmp_path)
    paths = sorted(tmp_path.glob("*.json"))
    records = [store.read(path) for path in paths]
    assert [r.failure for r in records if isinstance(r, RunRecord)] == [
        Failure(1, "a bug in pipebench: KeyError('layer')")
    ] * 2
    assert sorted(bug.value.__notes__) == sorted(
        f"kept: complete launches: 1, pipebench show {path}" for path in paths
    )


def test_what_the_system_refuses_costs_no_complete_launch(tmp_path: Path) -> None:
    machine = quiet()

    def launch(side: Side) -> RunRecord:
        if machine.order:
            raise OSError(errno.EMFILE, "Too many open files")
        return machine.launch(side)

    with pytest.raises(EndedError, match="the system refuses") as ended:
        Interleaved(SIDES, launch, Watcher()).measure(Effort(), Rules(), tmp_path)
    assert [kept.path for kept in ended.value.kept] == list(tmp_path.iterdir())


def test_a_side_that_changes_ends_it(tmp_path: Path) -> None:
    records = [one_launch(), one_launch(), one_launch(), with_config(one_launch(), hidden=64)]
    interleaved = Interleaved(SIDES, lambda side: records.pop(0), Watcher())
    with pytest.raises(EndedError, match=r"side A: its launch 2 .*: config.hidden 32 -> 64") as ended:
        interleaved.measure(Effort(), Rules(), tmp_path)
    assert isinstance(ended.value.cause, EnvironmentRefusedError)


def test_progress_only_grows() -> None:
    watcher, machine = Watcher(), quiet()
    Interleaved(SIDES, machine.launch, watcher)._measure((4, 6), 100.0, Rules())
    assert watcher.shares == sorted(watcher.shares)
    assert watcher.notices == ["4 launches a side: same"]
