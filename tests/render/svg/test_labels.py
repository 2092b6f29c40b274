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


def labels(widths: list[float], *, chunks: bool = False, pitch: float = 24) -> list[str]:
    plot = Plot(0, sum(widths), 0, pitch, 1, sum(widths))  # a pixel a second
    bars = lane(widths)
    found = labels_of([bars], plot, chunks=chunks)
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
    assert labels([40], chunks=True) == ["F0.0"]
    assert labels([20], chunks=True) == ["0.0"]


def test_low_lanes_have_none() -> None:
    assert labels([40], pitch=11) == [""]


def test_what_is_no_action_has_none() -> None:
    plot = Plot(0, 100, 0, 24, 1, 100.0)
    assert labels_of([[]], plot, chunks=False).of(Piece(0, 100, Kind.WAITING)) == ""
