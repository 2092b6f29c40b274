import msgspec
from rich.console import Console

from pipebench.diagnosis.explaining import explanation
from pipebench.records.explanation import WhatIf
from pipebench.records.schema import Failure, WarningRecord
from pipebench.render.explanation import explanation_report, what_if_table
from tests.builders import ended_run
from tests.diagnosis.explained import Costs


def words(*changes: str, **put_in: object) -> str:
    record = Costs(**put_in).record()  # type: ignore[arg-type]
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(explanation_report(explanation(record, "latest", changes), record, console))
    return " ".join(captured.get().split())


def test_the_report_says_what_clock_its_figures_are_of() -> None:
    found = words(stages={2: 1.5})
    assert found.startswith("4 emulated devices, virtual time")
    assert "the recorded step took 45.0 s (virtual time); simulated again" in found
    assert "it takes 45.0 s, +0 %" in found
    assert "what if: the recorded step simulated with one change" in found


def test_what_if_is_told_with_the_speed_up_that_would_be() -> None:
    found = words("stage 2 = others", stages={2: 1.5})
    assert "stage 2 = others 33.0 s 1.364 2.42x" in found  # 80 / 33


def test_a_step_that_would_take_no_time_has_dashes() -> None:
    assert "all x 0 0 s - -" in words("all x 0")


def test_where_nothing_helps_that_is_said() -> None:
    record = Costs().record()
    nothing = msgspec.structs.replace(explanation(record, "latest"), what_if=[])
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(explanation_report(nothing, record, console))
    assert "no single change makes the step shorter" in captured.get()


def test_a_run_that_was_cut_short_says_so() -> None:
    failure = Failure(exit_code=130, message="interrupted")
    record = ended_run(Costs().record(), failure=failure)
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(explanation_report(explanation(record, "latest"), record, console))
    assert "aborted: interrupted" in captured.get()


def test_the_order_of_the_factors_is_told() -> None:
    assert "loses if all devices and slices are alike, then unequal work" in words()


def test_what_is_doubtful_of_a_record_is_told_beside_its_factors() -> None:
    warnings = [
        WarningRecord("slowed-on-purpose", "no figure is a measurement", "unset it"),
        WarningRecord("imbalance", "device 2 sets the pace", "so"),
    ]
    record = Costs(stages={2: 1.5}).record(warnings=warnings)
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(explanation_report(explanation(record, "latest"), record, console))
    text = " ".join(captured.get().split())
    assert "slowed-on-purpose: no figure is a measurement" in text
    assert "imbalance" not in text  # the factors say it
    assert "measured speed-up 1.78x, 95 % interval 1.78 to 1.78 over 2 launches" in text
    assert "try first what is said of " in text


def tabled(change: str, steps: int) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(
            what_if_table([WhatIf(change, 1.0, 1.2, None, 1.2)], against_baseline=False, steps=steps)
        )
    return " ".join(captured.get().split())


def test_which_mean_keeps_all_work_is_told() -> None:
    note = "= mean of one stage or device takes work away and gives it to no other; stages = mean shares all work out"
    assert note in words("stage 2 = mean", stages={2: 1.5})
    assert note not in words("stage 2 x 0.5", stages={2: 1.5})


def test_means_over_several_recorded_steps_are_told_of() -> None:
    note = "means and medians are over all recorded steps and replicas, so a step that differs from them changes too"
    for change in ("stage 0 = mean", "stage 0 = median", "stages 0-1 = others"):
        found = tabled(change, 6)
        assert "what if: all 6 recorded steps simulated with one change" in found
        assert note in found
        assert note not in tabled(change, 1)
    assert note not in tabled("stage 0 x 0.5", 6)
