from collections.abc import Sequence
from typing import Any

import pytest

from pipebench.diagnosis import single_changes
from pipebench.diagnosis.single_changes import Recorded, asked, best
from pipebench.diagnosis.step import step_of
from pipebench.errors import UsageError
from pipebench.timing import what_if
from pipebench.timing.changes import Change
from pipebench.timing.replay import Replay
from tests.diagnosis.explained import Costs


def step(**put_in: object) -> Recorded:
    found = step_of(Costs(**put_in).record())  # type: ignore[arg-type]
    assert found is not None
    return found.recorded


def test_changes_are_told_as_they_were_typed() -> None:
    found = asked(step(stages={2: 1.5}), ["stage 2 = others", " Device 2 x 0.5"])
    assert [each.change for each in found] == ["stage 2 = others", " Device 2 x 0.5"]
    assert found[0].step_s == pytest.approx(3 * 11)
    assert found[0].gain == pytest.approx(3 * (3 + 8 * 1.5) / 33)


def test_the_best_single_changes_come_first_and_there_are_ten() -> None:
    found = best(step(stages={2: 1.5}, transfer_s=0.25))
    assert len(found) == 10
    assert [each.step_s for each in found] == sorted(each.step_s for each in found)
    assert found[0].change == "stage 2 = mean"
    assert {"stages = mean", "device 2 x 0.9", "link = 0 s"} <= {each.change for each in found}
    assert all(each.gain is not None and each.gain > 1 for each in found)


def test_what_was_tried_is_not_simulated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Change] = []

    def changed(replays: Sequence[Replay], change: Change, **of: Any) -> list[Replay]:
        tried.append(change)
        return what_if.changed(replays, change, **of)

    monkeypatch.setattr(single_changes, "changed", changed)
    recorded = step(stages={2: 1.5})
    (first,) = asked(recorded, ["stages = mean"])
    assert first in best(recorded)
    assert asked(recorded, ["stages = mean"]) == [first]
    assert len(tried) == len(set(tried)) > 1


def test_a_change_that_wins_nothing_is_not_named() -> None:
    found = best(step())
    assert {each.change for each in found} == {f"device {device} x 0.9" for device in range(4)}


def test_of_a_large_step_the_busiest_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_changes, "_MOST_ACTIONS", 0)
    monkeypatch.setattr(single_changes, "_LEAST_TRIED", 3)
    assert {each.change for each in best(step(stages={2: 1.5}))} == {"stages = mean", "device 2 x 0.9"}


def test_what_is_no_change_is_refused() -> None:
    with pytest.raises(UsageError, match="expected stages from 0 to 3"):
        asked(step(), ["stage 4 = mean"])


def test_a_step_that_would_take_no_time_has_no_gain() -> None:
    (found,) = asked(step(), ["all x 0"])
    assert (found.step_s, found.gain) == (0.0, None)
