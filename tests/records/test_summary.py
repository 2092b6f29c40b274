import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.records import summary
from pipebench.records.figures import Speedup
from pipebench.records.spans import TimelineRecord
from tests.builders import PROPERTY, launch

steps = st.lists(st.floats(0.01, 10.0), min_size=1, max_size=4)


def test_a_launch_s_ratio_is_of_medians_and_the_speed_up_their_geometric_mean() -> None:
    launches = [launch([8.0, 100.0, 7.0], [2.0, 1.0, 90.0]), launch([9.0, 9.0], [8.0, 10.0])]
    # medians 8 / 2 = 4 and 9 / 9 = 1
    assert summary.speedup(launches).value == pytest.approx(2.0, rel=1e-12)
    assert summary.baseline_step_s(launches) == pytest.approx((8 * 9) ** 0.5, rel=1e-12)
    assert summary.pipeline_step_s(launches) == pytest.approx((2 * 9) ** 0.5, rel=1e-12)


def test_the_interval_of_two_launches_is_student_s_on_the_logarithms() -> None:
    from scipy import stats

    result = summary.speedup([launch([4.0], [1.0]), launch([9.0], [1.0])])
    half = (9 / 4) ** (stats.t.ppf(0.975, 1) / 2)  # logs differ by log(9/4): standard error is half of it
    assert result.value == pytest.approx(6.0, rel=1e-12)
    assert result.low == pytest.approx(6.0 / half, rel=1e-9)
    assert result.high == pytest.approx(6.0 * half, rel=1e-9)
    assert result.confidence == 0.95


def test_one_launch_has_no_interval() -> None:
    assert summary.speedup([launch([7.0], [2.0])]) == Speedup(pytest.approx(3.5, rel=1e-12), None, None)


@PROPERTY
@given(st.lists(st.tuples(steps, steps), min_size=1, max_size=6))
def test_speed_up_is_exactly_baseline_over_pipeline(samples: list[tuple[list[float], list[float]]]) -> None:
    launches = [launch(baseline, pipeline) for baseline, pipeline in samples]
    ratio = summary.baseline_step_s(launches) / summary.pipeline_step_s(launches)
    assert summary.speedup(launches).value == pytest.approx(ratio, rel=1e-12)


def test_the_stored_timeline_is_the_one_nearest_to_the_step() -> None:
    timelines = [TimelineRecord("virtual", makespan, [], [], []) for makespan in (1.0, 2.0, 3.1, 9.0)]
    assert summary.nearest(timelines, 2.6) is timelines[2]
    assert summary.nearest(timelines, 0.0) is timelines[0]
    assert summary.nearest(timelines, 100.0) is timelines[3]


def test_the_middle_launch_says_how_long_work_waited() -> None:
    launches = [launch([1.0], [1.0], wall_per_cpu=value) for value in (1.1, None, 3.0, 1.5)]
    assert summary.waited(launches) == 1.5
    assert summary.waited([launch([1.0], [1.0], wall_per_cpu=0.99)]) == summary.waited([]) == 1.0
