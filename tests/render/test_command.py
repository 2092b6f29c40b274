"""The report of a command's record."""

import io

from rich.console import Console

from pipebench.records.command import CommandRecord
from pipebench.records.schema import Failure, WarningRecord
from pipebench.render.command import command_report, value_of
from tests.guard.launches import record


def text(made: CommandRecord, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(command_report(made, console), crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_it_says_what_ran_and_what_came_of_it() -> None:
    told = text(record([0.5, 0.6, 0.7, 0.8], variables=["X"], environment={"commit": "abc"}))
    for words in (
        "python train.py",
        "abc",
        "X (values are not kept)",
        "step_s, lower is better",
        "500 ms",
        "800 ms",
    ):
        assert words in told


def test_it_says_how_it_ended() -> None:
    failure = Failure(6, "side A: it broke", log="x.log")
    warning = WarningRecord("run-beside", "two at once", "one after the other")
    told = text(record([], status="failed", failure=failure, warnings=[warning]))
    assert "failed: side A: it broke" in told
    assert "x.log" in told
    assert "run-beside: two at once" in told


def test_its_command_stands_on_one_line_at_any_width() -> None:
    words = ["python", "train.py", *(f"--option-{number}" for number in range(12))]
    for width in (40, 80):
        assert " ".join(words) in text(record([0.5], command=words), width)


def test_what_a_record_holds_does_nothing() -> None:
    assert "\x1b" not in text(record([1.0], command=["\x1b[31m", "[bold]x[/]"]), width=40)
    assert "[bold]x[/]" in text(record([1.0], command=["[bold]x[/]"]))


def test_values_have_the_unit_of_their_names_end() -> None:
    told = [value_of(record([40960.0], field)) for field in ("a_s", "a_per_s", "a_bytes", "a")]
    assert told == ["40960 s", "40,960", "40.0 KiB", "40,960"]
    assert value_of(record([0.123456], "loss")) == "0.1235"
    assert value_of(record([], status="failed")) == "-"
