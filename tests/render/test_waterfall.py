import pytest
from rich.console import Console

from pipebench.records.explanation import WaterfallStep
from pipebench.render.waterfall import Waterfall, in_short, largest, reasons

STEPS = [
    WaterfallStep(step="devices", factor=8.0, what="8 devices"),
    WaterfallStep(
        step="slices cost more", factor=0.5, what="twice the work", remedy="pipebench run -M 4", gain=1.5
    ),
    WaterfallStep(step="transfers", factor=0.999, what="short"),
    WaterfallStep(step="variation", factor=1.25, what="by luck"),
    WaterfallStep(step="unexplained", factor=1.0, what="nothing"),
]

COMMAND = f"pipebench run --gpus 8 --text '{'a long name ' * 9}' --microbatches 4"


def lines(width: int, part: object = None, *, encoding: str = "utf-8") -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(Waterfall(STEPS) if part is None else part, crop=False)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_bar_ends_at_the_speed_up_that_is_left() -> None:
    head, *rows, legend = lines(72)
    assert legend == "█ left  ░ lost  ▒ won"
    assert head.split() == ["factor", "speed-up"]
    assert [row.split()[-2 if row.startswith("devices") else -3 :][:1] for row in rows[:1]] == [["8.00x"]]
    bars = [row.split()[-1] for row in rows]
    room = len(bars[0])
    assert bars[0] == "█" * room
    assert bars[1] == "█" * round(room / 2) + "░" * (room - round(room / 2))
    # 8 x 0.5 x 0.999 x 1.25 = 4.995: more than before
    won = round(room * 4.995 / 8)
    assert bars[3] == "█" * round(room * 3.996 / 8) + "▒" * (won - round(room * 3.996 / 8))
    assert [row.split("x")[-2].split()[-1] for row in rows[1:]] == ["4.00", "4.00", "5.00", "5.00"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    drawn = lines(width)
    assert max(map(len, drawn)) <= width
    assert len(drawn) == (2 + 2 * len(STEPS) if width < 72 else 2 + len(STEPS))


def test_below_72_columns_a_step_has_two_lines() -> None:
    drawn = lines(60)
    assert drawn[1] == "devices"
    assert drawn[2].split()[:2] == ["8.00", "8.00x"]
    assert drawn[3] == "slices cost more"
    assert drawn[4].split()[:3] == ["x", "0.50", "4.00x"]


def test_a_wide_console_has_bars_that_an_eye_can_compare() -> None:
    assert max(line.count("█") for line in lines(200)) == 60


def test_a_narrow_console_has_no_bars() -> None:
    assert not any("█" in line for line in lines(24))


def test_what_is_lost_has_a_reason_and_a_remedy_and_what_is_not_stands_together() -> None:
    text = " ".join(" ".join(lines(200, reasons(STEPS))).split())
    assert "slices cost more: twice the work -> pipebench run -M 4" in text
    assert "unexplained: nothing" in text
    assert text.endswith("nothing to speak of: transfers")


@pytest.mark.parametrize(
    "remedy",
    [
        f"{COMMAND}: 1.20 times as fast by simulation, with fewer slices",
        f"1.20 times as fast by simulation, with fewer slices: {COMMAND}",
    ],
)
def test_the_command_of_a_remedy_has_a_line_of_its_own(remedy: str) -> None:
    step = WaterfallStep(step="a", factor=0.5, what="b", remedy=remedy, gain=1.2, command=COMMAND)
    assert lines(80, reasons([step])) == [
        "a: b",
        "  -> 1.20 times as fast by simulation, with fewer slices:",
        f"     {COMMAND}",
    ]


def test_in_short_the_factors_multiply_up() -> None:
    assert (
        in_short(STEPS, 8)  # type: ignore[arg-type]
        == "8 devices x 0.50 (slices cost more) x 1.25 (variation) x 1.00 (all else) = 5.00x"
    )
    assert in_short(STEPS[:1], 8, 4).startswith("8 devices / 4 of the baseline x 1.00")  # type: ignore[arg-type]


def test_the_largest_factors_stand_in_their_order_and_end_at_the_whole() -> None:
    assert largest(STEPS, 8, most=1) == [  # type: ignore[arg-type]
        "8 devices                 8.00x",
        "slices cost more  x 0.50  4.00x",
        "all else          x 1.25  5.00x",
    ]
    assert [line.split()[0] for line in largest(STEPS, 8)] == ["8", "slices", "variation", "all"]  # type: ignore[arg-type]
    assert largest(STEPS[:1], 8, 4)[0].startswith("8 devices / 4 of the baseline")  # type: ignore[arg-type]
