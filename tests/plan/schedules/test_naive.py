from itertools import pairwise

import pytest

from pipebench.errors import UsageError
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.schedules.naive import naive
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate
from tests.builders import plan_of, texts


def test_naive_is_one_forward_and_one_backward_on_each_device() -> None:
    assert texts(plan_of("naive", 3, 1)) == ["0F0 0B0", "1F0 1B0", "2F0 2B0"]


@pytest.mark.parametrize("stages", range(1, 9))
def test_one_device_works_at_a_time(stages: int) -> None:
    timeline = simulate(plan_of("naive", stages, 1), UniformCosts(1, 2))
    spans = sorted(timeline.spans, key=lambda span: span.start_s)
    assert all(before.end_s == after.start_s for before, after in pairwise(spans))
    assert timeline.makespan_s == 3 * stages
    assert timeline.bubble_fraction == pytest.approx(1 - 1 / stages, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("microbatches", "chunks"), [(2, 1), (1, 2), (4, 8)])
def test_naive_refuses_slices_and_says_what_to_use(microbatches: int, chunks: int) -> None:
    with pytest.raises(UsageError, match=f"takes 1 microbatch and 1 chunk, got {microbatches} and {chunks}"):
        SCHEDULES["naive"].plan(Graph(2, microbatches, chunks))
    with pytest.raises(UsageError, match="leave both out, or use gpipe"):
        SCHEDULES["naive"].check_sizes(microbatches, chunks)


def test_only_naive_is_limited_to_one_slice() -> None:
    assert [name for name, schedule in SCHEDULES.items() if schedule.single] == ["naive"]


def test_sizes_are_checked_before_the_order_is_made() -> None:
    with pytest.raises(AssertionError, match="checked by the registry"):
        naive(Graph(2, 2))
