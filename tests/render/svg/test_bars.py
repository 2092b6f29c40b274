from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan.actions import Action, Operation
from pipebench.render.pieces import Kind, Piece
from pipebench.render.svg.bars import bars


def forward(start_s: float, end_s: float, microbatch: int = 0) -> Piece:
    return Piece(start_s, end_s, Kind.FORWARD, Action(Operation.FORWARD, 0, microbatch))


def test_a_lane_has_no_gap() -> None:
    (lane,), least_s = bars([[forward(1, 2), Piece(2, 2, Kind.WAITING), forward(3, 4, 1)]], 6.0, 600)
    assert lane == [
        Piece(0, 1, Kind.IDLE),
        forward(1, 2),
        Piece(2, 3, Kind.IDLE),
        forward(3, 4, 1),
        Piece(4, 6, Kind.IDLE),
    ]
    assert least_s is None


def test_what_is_narrower_than_half_a_pixel_shares_columns() -> None:
    # 100 pixels for 100 s: a column is 0.5 s. 8 pieces of 0.25 s after one of 2 s.
    narrow = [
        Piece(2 + n / 4, 2 + (n + 1) / 4, kind)
        for n, kind in enumerate([Kind.FORWARD] * 5 + [Kind.WAITING] + [Kind.BACKWARD] * 2)
    ]
    (lane,), least_s = bars([[forward(0, 2), *narrow]], 100.0, 100)
    assert least_s == 0.5
    assert lane == [
        forward(0, 2),
        Piece(2, 3.5, Kind.FORWARD),  # the third column is half of it forward, and first named
        Piece(3.5, 4, Kind.BACKWARD),
        Piece(4, 100, Kind.IDLE),
    ]


def test_a_single_narrow_piece_keeps_its_place() -> None:
    (lane,), least_s = bars([[forward(0, 50), Piece(50, 50.1, Kind.WAITING), forward(50.1, 100)]], 100.0, 100)
    assert least_s == 0.5
    assert lane == [forward(0, 50), Piece(50, 50.1, Kind.WAITING), forward(50.1, 100)]


def test_columns_become_wider_until_bars_are_few_enough() -> None:
    kinds = (Kind.FORWARD, Kind.BACKWARD)
    lane = [Piece(n, n + 1, kinds[n % 2]) for n in range(1000)]
    lanes, least_s = bars([lane] * 4, 1000.0, 1000, most=300)
    assert sum(map(len, lanes)) <= 300
    assert least_s is not None
    assert least_s > 1
    assert {each[-1].end_s for each in lanes} == {1000.0}


def test_a_step_of_no_time_has_no_bars() -> None:
    assert bars([[], [forward(0, 0)]], 0.0, 100) == ([[], []], None)


@given(
    st.lists(st.tuples(st.floats(0, 10), st.sampled_from([Kind.FORWARD, Kind.WAITING])), min_size=1),
    st.integers(1, 50),
)
def test_bars_cover_the_step_whatever_is_merged(durations: list[tuple[float, Kind]], most: int) -> None:
    now, lane = 0.0, []
    for duration, kind in durations:
        lane.append(Piece(now, now + duration, kind))
        now += duration
    (drawn,), _ = bars([lane], now, 700, most)
    assert sum(bar.end_s - bar.start_s for bar in drawn) == pytest.approx(now)
    assert all(before.end_s == after.start_s for before, after in pairwise(drawn))
