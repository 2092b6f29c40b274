from datetime import UTC, datetime

import pytest

from pipebench.diagnosis import waterfall
from pipebench.foreign.explaining import explained
from pipebench.foreign.rows import Recording, Row, SourceFile
from pipebench.foreign.understanding import understand
from pipebench.plan.actions import Action
from pipebench.records.explanation import WaterfallStep
from tests.foreign.tables import rows_of, timeline, usual

FILE = SourceFile("spans.csv", "spans", "0" * 64, 0)


def steps(rows: list[Row]) -> dict[str, WaterfallStep]:
    """The steps of a waterfall by their names."""
    understood = understand(Recording([FILE], rows))
    found = explained(understood, ["all x 1"], created=datetime(2026, 11, 27, tzinfo=UTC), name="a-trace")
    return {each.step: each for each in found.explanation.waterfall}


def slow_stage(action: Action) -> float:
    return usual(action) * (1.5 if action.stage == 2 else 1)


def test_results_that_take_no_time_are_not_waited_for() -> None:
    alone = steps(rows_of(timeline(stages=1)))[waterfall.TRANSFERS]
    assert alone.what == "no result goes from device to device"
    for step in (timeline(), timeline(microbatches=1), timeline(cost=slow_stage)):
        found = steps(rows_of(step))[waterfall.TRANSFERS]
        assert found.factor == pytest.approx(1)
        assert "results a step go from device to device, and take no time that can be seen" in found.what


@pytest.mark.parametrize(
    ("transfer_s", "told"),
    [(5e-4, "devices wait for some of them"), (1e-7, "waiting for them costs next to nothing")],
)
def test_only_messages_that_cost_something_are_waited_for(transfer_s: float, told: str) -> None:
    found = steps(rows_of(timeline(transfer_s=transfer_s)))[waterfall.TRANSFERS]
    assert found.what.startswith("24 results a step are on their way for ")
    assert found.what.endswith(f"from when they are ready until they are used, and {told}")


def test_what_equal_stages_would_bring_says_which_change_was_simulated() -> None:
    """All work is kept, so it gains less than to take the slow stage's work away."""
    found = steps(rows_of(timeline(cost=slow_stage)))[waterfall.STAGES]
    assert found.gain is not None
    assert found.remedy == (
        f"move layers from the busiest device to others; by simulation {found.gain:.2f}x as fast if all stages take "
        "equally long (stages = mean)"
    )
