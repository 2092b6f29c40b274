"""A warning on one line, in fewer and fewer words."""

import io

import pytest
from rich.console import Console

from pipebench.records.schema import WarningRecord
from pipebench.render.warning_lines import forms, warning_lines

IMBALANCE = WarningRecord(
    "imbalance",
    "device 7 (LSTM 7 + projection) is busy 1.40x the mean, and sets the pace: the step takes 1.26x as long",
    "try --softmax-devices all: the projection in pieces; or try --gpus 9 --partition 1,1,0: on its own",
)


def lines(width: int, *warnings: WarningRecord) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(warning_lines(warnings, console), crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (240, f"imbalance: {IMBALANCE.cause} -> {IMBALANCE.next_step}"),
        (180, f"imbalance: {IMBALANCE.cause} -> try --softmax-devices all"),
        (
            125,
            "imbalance: device 7 (LSTM 7 + projection) is busy 1.40x the mean, and sets the pace "
            "-> try --softmax-devices all",
        ),
        (
            100,
            "imbalance: device 7 is busy 1.40x the mean, and sets the pace -> try --softmax-devices all",
        ),
        (80, "imbalance: device 7 is busy 1.40x the mean -> try --softmax-devices all"),
    ],
)
def test_as_much_is_said_as_fits(width: int, line: str) -> None:
    assert lines(width, IMBALANCE) == [f"warning  {line}"]


def test_what_does_not_fit_at_all_wraps_and_is_not_cut() -> None:
    found = lines(40, IMBALANCE)
    assert len(found) == 3
    assert " ".join(" ".join(found).split()) == (
        "warning imbalance: device 7 is busy 1.40x the mean -> try --softmax-devices all"
    )


def test_every_form_has_the_code_and_a_cause() -> None:
    assert all(form.startswith("imbalance: device 7 ") for form in forms(IMBALANCE))


def test_an_enumeration_and_a_number_are_not_taken_for_a_clause() -> None:
    warning = WarningRecord("page-faults", "a launch met 5,218 pages, 3,1 of them new", "run again, x")
    assert forms(warning)[-1] == f"page-faults: {warning.cause} -> run again, x"


def test_a_command_stands_whole_below_at_any_width() -> None:
    command = f"pipebench run {'--text x ' * 12}--gpus 2"
    warning = WarningRecord("odd", "a cause", f"start it again: {command}")
    assert lines(80, warning) == ["warning  odd: a cause -> start it again:", f"         {command}"]
    assert command in "".join(lines(40, warning)).split("  ")[-1]


def test_foreign_words_do_nothing() -> None:
    (line,) = lines(200, WarningRecord("odd", "[bold]x[/bold]\x1b[2J", "::error::y"))
    assert line == r"warning  odd: [bold]x[/bold]\x1b[2J -> : :error: :y"
