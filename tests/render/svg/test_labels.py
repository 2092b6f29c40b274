import pytest

from pipebench.plan.actions import Action, Operation
from pipebench.render.pieces import Kind, Piece
from pipebench.render.svg.labels import labels_of
from pipebench.render.svg.plot import Plot


def lane(widths: list[float]) -> list[Piece]:
    bars, now = [], 0.0
    for number, wide in enumerate(widths):
        bars.append(Piece(now, now + wide, Kind.FORWARD, Action(Operation.FORWARD, 0, number)))
        now += wide
    return bars


def labels(widths: list[float], *, chunks: int = 1, pitch: float = 24) -> list[str]:
    plot = Plot(0, sum(widths), 0, pitch, 1, sum(widths))  # a pixel a second
    bars = lane(widths)
    found = labels_of([bars], plot, of_chunks=chunks)
    return [found.of(bar) for bar in bars]


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ([20, 20], ["F0", "F1"]),
        ([8, 8], ["0", "1"]),  # "F0" takes 9 x (0.74 + 0.64) = 12.4 pixels, "0" 5.8
        ([5, 5], ["", ""]),
        ([20, 8], ["0", "1"]),  # alike for all
        ([20] * 10 + [5], [f"F{n}" for n in range(10)] + [""]),  # but for a tenth of them
    ],
)
def test_all_bars_of_a_kind_are_named_alike(widths: list[float], expected: list[str]) -> None:
    assert labels(widths) == expected


def test_chunks_are_named_where_there_are_any() -> None:
    assert labels([40], chunks=2) == ["F0.0"]
    assert labels([20], chunks=2) == ["0.0"]


def test_low_lanes_have_none() -> None:
    assert labels([40], pitch=11) == [""]


def test_what_is_no_action_has_none() -> None:
    plot = Plot(0, 100, 0, 24, 1, 100.0)
    assert labels_of([[]], plot, of_chunks=1).of(Piece(0, 100, Kind.WAITING)) == ""


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ([50, 50], ["W0.0-7", "W0-1.*"]),
        ([50, 20], ["W0.0-7", "W"]),  # each by itself
        ([20, 6], ["W", ""]),
    ],
)
def test_a_cell_is_told_by_its_slices_or_by_its_letter(widths: list[float], expected: list[str]) -> None:
    one, two = (Action(Operation.BACKWARD_WEIGHT, 0, 0, 0, None, microbatches, 8) for microbatches in (1, 2))
    plot, bars, now = Plot(0, sum(widths), 0, 24, 1, sum(widths)), [], 0.0
    for number, wide in enumerate(widths):
        bars.append(Piece(now, now + wide, Kind.BACKWARD_WEIGHT, (one, two)[number % 2]))
        now += wide
    found = labels_of([bars], plot, of_chunks=8)
    assert [found.of(bar) for bar in bars] == expected
    assert found.cells is found.are_there is (expected[0] != "W")


def test_cells_in_low_lanes_have_no_letter_either() -> None:
    cell = Action(Operation.BACKWARD_WEIGHT, 0, 0, 0, None, 2, 8)
    plot = Plot(0, 100, 0, 11, 1, 100.0)
    bar = Piece(0, 100, Kind.BACKWARD_WEIGHT, cell)
    assert labels_of([[bar]], plot, of_chunks=8).of(bar) == ""
