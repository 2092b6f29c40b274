from hypothesis import given
from hypothesis import strategies as st

from pipebench.render.perfetto.events import Slice
from pipebench.render.perfetto.lanes import lanes_of
from tests.builders import PROPERTY


def slices(*times: tuple[int, int]) -> list[Slice]:
    return [Slice(start, end, "x", "x", {}) for start, end in times]


def test_slices_that_touch_share_a_lane() -> None:
    (lane,) = lanes_of("work", slices((5, 9), (0, 5), (9, 9), (9, 12)))
    assert lane.name == "work"
    assert [each[:2] for each in lane.slices] == [(0, 5), (5, 9), (9, 9), (9, 12)]


def test_those_that_overlap_stand_side_by_side_in_the_first_lane_that_is_free() -> None:
    found = lanes_of("work", slices((0, 10), (2, 4), (3, 12), (5, 6), (10, 11)))
    assert [lane.name for lane in found] == ["work", "work 2", "work 3"]
    assert [[each[:2] for each in lane.slices] for lane in found] == [
        [(0, 10), (10, 11)],
        [(2, 4), (5, 6)],
        [(3, 12)],
    ]


def test_nothing_has_no_lane() -> None:
    assert lanes_of("work", []) == []


@PROPERTY
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=40))
def test_no_two_overlap_and_there_are_no_more_lanes_than_overlap_at_once(
    lengths: list[tuple[int, int]],
) -> None:
    given_ = slices(*((start, start + length) for start, length in lengths))
    found = lanes_of("x", given_)
    assert sorted(each for lane in found for each in lane.slices) == sorted(given_)
    for lane in found:
        for before, after in zip(lane.slices, lane.slices[1:], strict=False):
            assert before.end_ns <= after.start_ns
    at_once = [
        sum(each.start_ns <= time < max(each.end_ns, each.start_ns + 1) for each in given_)
        for time in range(71)
    ]
    assert len(found) <= max(at_once)
