import io

import msgspec
from rich.console import Console

from pipebench.records.schema import Failure, RunRecord
from pipebench.render.report import run_report, simulation_report
from tests.builders import completed_record, simulation_record


def text_of(record: RunRecord, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(run_report(record, console))
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
        "2 devices / 1.50 for fill, drain and waiting / 1.00 for unequal stages / 1.06 for messages = 1.26x; "
        "/ 0.63 for the work of 2 slices = 2.00x" in words
    )


def test_a_wall_clock_run_says_so_and_has_no_machine() -> None:
    record = completed_record()
    device = msgspec.structs.replace(record.device, kind="cpu")
    words = words_of(msgspec.structs.replace(record, device=device, clock="wall", machine=None))
    assert words.startswith("2 cpu devices, wall clock")
    assert "virtual" not in words
    assert "dilation" not in words


def test_how_many_gradients_vanish_stands_beside_how_near_they_are() -> None:
    sure = completed_record()
    assert sure.verification is not None
    assert "to 1.0e-07 (at most 1e-04 allowed) bubble" in words_of(sure)
    vague = msgspec.structs.replace(sure.verification, tensors=35, vanishing=["a", "b"])
    words = words_of(msgspec.structs.replace(sure, verification=vague))
    assert "(at most 1e-04 allowed); 2 of 35 vanish: a wrong one would not show bubble" in words


def test_an_aborted_run_without_launches_shows_why() -> None:
    record = msgspec.structs.replace(
        completed_record(),
        **dict.fromkeys(
            ("baseline", "pipeline", "speedup", "efficiency", "verification", "bubble", "timeline")
        ),
        status="aborted",
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
