import io

import msgspec
import pytest
from rich.console import Console

from pipebench.plan.device_kind import DeviceKind
from pipebench.records.run import RunRecord
from pipebench.records.schema import Failure, WarningRecord
from pipebench.render.report import run_report, simulation_report
from pipebench.run.accuracy import TO_FIND_OUT, packaged, quote
from tests.builders import completed_record, ended_run, own_record, simulation_record
from tests.cells import PLANS, record_of_cells


def text_of(record: RunRecord, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(run_report(record, console), crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def words_of(record: RunRecord) -> str:
    return " ".join(text_of(record).split())


def test_an_emulated_run_is_labelled_virtual_wherever_a_figure_stands() -> None:
    words = words_of(completed_record())
    assert words.startswith("2 emulated devices, virtual time")
    assert "2 devices; virtual time" in words
    assert "by device (emulated, virtual time)" in words
    assert "all times and words/s are this host's, not the card's" in words


def test_where_the_rest_goes_multiplies_up_to_the_speed_up() -> None:
    # 2 devices busy 12 of 2 x 9.5 s, 9 without messages; the baseline's step is 19 s
    words = words_of(completed_record())
    assert (
        "2 devices x 1.58 (slices cost more than the whole batch) x 0.67 (fill and drain of the schedule) "
        "x 0.95 (transfers not hidden) x 1.00 (all else) = 2.00x" in words
    )


def test_a_record_whose_step_cannot_be_run_again_is_shown_without_it() -> None:
    record = completed_record()
    short = msgspec.structs.replace(record.timeline, spans=record.timeline.spans[:-1])
    words = words_of(completed_record(timeline=short))
    assert "the rest" not in words
    assert "speed-up 2.00x" in words


def test_the_bubble_says_that_it_is_of_one_step() -> None:
    assert "37 % of all device time, recorded step only (1 - busy / (devices x makespan))" in words_of(
        completed_record()
    )


def test_commands_stand_whole_on_lines_of_their_own() -> None:
    command = f"pipebench run {'--text x ' * 12}--gpus 2"
    warning = WarningRecord("odd", "a cause", f"do it: {command}")
    unknown = quote(packaged(), cpu_model="A CPU", cpu_count=2, torch="2")
    text = text_of(completed_record(warnings=[warning], accuracy=unknown))
    found = [line.strip() for line in text.splitlines()]
    assert found[found.index("-> do it:") + 1] == command
    assert [line for line in found if line in TO_FIND_OUT] == [*TO_FIND_OUT]


def test_a_wall_clock_run_says_so_and_has_no_machine() -> None:
    record = completed_record()
    device = msgspec.structs.replace(record.device, kind=DeviceKind.CPU)
    words = words_of(msgspec.structs.replace(record, device=device, clock="wall", machine=None))
    assert words.startswith("2 cpu devices, wall clock")
    assert "virtual" not in words
    assert "dilation" not in words


def test_how_many_gradients_vanish_stands_beside_how_near_they_are() -> None:
    sure = completed_record()
    assert "to 1.0e-07 (at most 1e-04 allowed) bubble" in words_of(sure)
    vague = msgspec.structs.replace(sure.verification, tensors=35, vanishing=["a", "b"])
    words = words_of(msgspec.structs.replace(sure, verification=vague))
    assert "(at most 1e-04 allowed); 2 of 35 vanish: a wrong one would not show bubble" in words


def test_an_aborted_run_without_launches_shows_why() -> None:
    record = ended_run(
        completed_record(),
        **dict.fromkeys(
            ("baseline", "pipeline", "speedup", "efficiency", "verification", "bubble", "timeline")
        ),
        launches=[],
        devices=[],
        failure=Failure(130, "interrupted (Ctrl-C)"),
    )
    assert "aborted: interrupted (Ctrl-C)" in text_of(record)


def test_the_talks_figure_stands_beside_8_devices_only() -> None:
    record = completed_record()
    assert "2014 talk" not in text_of(record)
    eight = msgspec.structs.replace(record.device, count=8)
    assert "2014 talk" in text_of(msgspec.structs.replace(record, device=eight))


def test_no_line_is_wider_than_the_console() -> None:
    for width in (60, 80, 120):
        assert all(len(line) <= width for line in text_of(completed_record(), width).splitlines())


def test_a_simulation_says_simulated_and_gives_its_speed_up() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(simulation_report(simulation_record(), console))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.startswith("simulated: gpipe, 2 stages, 2 microbatches, 1 chunk")
    assert "1.26x of 2" in text


def test_an_own_model_is_told_in_its_unit_and_never_in_words() -> None:
    words = words_of(own_record())
    assert "a step samples/s baseline 19.0 s 3.37 1 device, fused" in words
    assert "speed-up 2.00x 95 % interval" in words
    assert "all times and samples/s are this host's" in words
    assert "parameters after one update 1.2e-08 off" in words
    assert "conv + block" in words
    for word in ("words", "vocabulary", "LSTM", "hidden", "None", "2014 talk"):
        assert word not in words.replace("transfers not hidden", "")


def test_a_speed_up_over_several_devices_says_so_wherever_it_stands() -> None:
    words = words_of(own_record(devices=2))
    assert "2 devices, the naive schedule on the fewest that hold the model; virtual time" in words
    assert "speed-up 2.00x relative to 2 devices; 95 % interval" in words
    assert "efficiency 200 % speed-up x 2 / devices" in words
    assert "= 2.00x relative to 2 devices" in words


def test_parameters_after_an_update_are_told_of_any_model() -> None:
    record = completed_record()
    assert "after one update" not in words_of(record)
    checked = msgspec.structs.replace(record.verification, max_relative_parameter_error=3e-9)
    assert "allowed), parameters after one update 3.0e-09 off" in words_of(
        completed_record(verification=checked)
    )


@pytest.mark.parametrize(
    ("norm", "told"),
    [(21.73, "; the norm of all is 21.7, clipped to 5"), (5.0, "is 5, too small to be clipped")],
)
def test_whether_the_first_gradients_were_clipped_is_told(norm: float, told: str) -> None:
    record = completed_record()
    clipped = msgspec.structs.replace(record.config.optimizer, clipping=5.0)
    checked = msgspec.structs.replace(record.verification, gradient_norm=norm)
    assert "the norm of all" not in words_of(completed_record(verification=checked))
    config = msgspec.structs.replace(record.config, optimizer=clipped)
    assert told in words_of(completed_record(verification=checked, config=config))


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("clock", ["virtual", "wall"])
def test_a_run_with_cells_is_shown_as_any_other(name: str, clock: str) -> None:
    record = record_of_cells(PLANS[name], clock=clock)
    words = words_of(record)
    assert (
        "alive: slices kept for backward; for W: the most of them that wait only for the gradients of their weights"
        in words
    )
    assert "slices cost more than the whole batch" in words
    assert "backward, weights" in words
    assert "for W" not in words_of(completed_record())
