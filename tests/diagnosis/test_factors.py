import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.diagnosis.factors import Factors, summed_up
from pipebench.diagnosis.waterfall import Measured, waterfall
from pipebench.plan.actions import Operation
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.replay import Replay, replay_of
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import PIPELINED, PROPERTY, plan_of, random_costs
from tests.graphs import shared_graphs


def factors_of(
    timeline: Timeline, baseline_step_s: float, *, shared: float = 1.0, ports: bool = True
) -> Factors | None:
    measured = Measured(baseline_step_s, timeline.makespan_s, shared=shared)
    return summed_up(waterfall(replay_of(timeline, ports=ports), measured), timeline.graph.devices)


@pytest.mark.parametrize(
    ("schedule", "stages", "slices"), [("gpipe", 8, 16), ("1f1b", 4, 8), ("naive", 4, 1)]
)
def test_equal_stages_and_free_messages_leave_the_closed_form(
    schedule: str, stages: int, slices: int
) -> None:
    timeline = simulate(plan_of(schedule, stages, slices), UniformCosts(1, 2))
    found = factors_of(timeline, baseline_step_s=3.0 * slices * stages)
    assert found is not None
    # fill and drain: (M + K - 1) / M
    assert found == pytest.approx((stages, (slices + stages - 1) / slices, 1.0, 1.0, 1.0, 1.0), rel=1e-12)
    assert found.speedup == pytest.approx(stages * slices / (slices + stages - 1), rel=1e-12)


def test_devices_that_take_turns_gain_nothing_from_equal_stages() -> None:
    graph = Graph(4, 1, 1)
    costs = MeasuredCosts({action: 1.0 + 9 * (action.stage == 3) for action in graph.actions()})
    found = factors_of(simulate(plan_of("naive", 4, 1), costs), baseline_step_s=26.0)
    assert found is not None
    assert found == pytest.approx((4, 4.0, 1.0, 1.0, 1.0, 1.0), rel=1e-12)


def test_a_slow_stage_and_slow_messages_are_told_apart() -> None:
    graph = Graph(2, 8, 1)
    costs = MeasuredCosts({action: 1.0 + (action.stage == 1) for action in graph.actions()})
    timeline = simulate(plan_of("gpipe", 2, 8), costs, latency_only(3.0))
    found = factors_of(timeline, baseline_step_s=48.0, ports=False)
    assert found is not None
    # 16 actions of 2 s behind one of 1 s and before one of 1 s: 34 s; of 1.5 s each 27 s; twice 3 s on the way
    assert found == pytest.approx((2, 27 / 24, 34 / 27, 40 / 34, 1.0, 1.0), rel=1e-12)


def test_a_device_whose_layers_are_frozen_is_unequal_and_not_badly_overlapped() -> None:
    """3 of 4 devices have hardly any backward; equal ones would have the mean of forwards and of backwards."""
    graph = Graph(4, 16, 1)
    costs = MeasuredCosts(
        {
            action: 1.0 if action.operation is Operation.FORWARD else 2.0 if action.stage == 3 else 0.01
            for action in graph.actions()
        }
    )
    found = factors_of(simulate(plan_of("gpipe", 4, 16), costs), baseline_step_s=1.0)
    assert found is not None
    assert found.overlap == pytest.approx((16 + 3) / 16, rel=1e-9)
    assert found.unequal > 1.3


@pytest.mark.parametrize("backward_s", [(2, 2, 2, 2), (2, 2, 2, 3), (0.01, 0.01, 0.01, 2.0)], ids=str)
def test_a_norm_of_all_gradients_that_takes_no_time_changes_no_factor(backward_s: tuple[float, ...]) -> None:
    """One device alone adds up the shares; it is no kind of work that the others lack."""
    found = []
    for clips in (False, True):
        graph = Graph(4, 16, 1, clips=clips)
        seconds = {Operation.FORWARD: (1.0, 1.0, 1.0, 3.0), Operation.BACKWARD: backward_s}
        costs = MeasuredCosts(
            {a: seconds[a.operation][a.stage] if a.operation in seconds else 1e-9 for a in graph.actions()}
        )
        found.append(factors_of(simulate(SCHEDULES["gpipe"].plan(graph), costs), baseline_step_s=1.0))
    without, clipped = found
    assert without is not None
    assert clipped == pytest.approx(without, rel=1e-6)
    assert without.overlap == pytest.approx((16 + 3) / 16, rel=1e-9)


@PROPERTY
@given(
    st.sampled_from(PIPELINED),
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(1, 3),
    st.lists(st.floats(0.01, 10.0), min_size=5, max_size=5),
    st.floats(0.0, 2.0),
)
def test_the_factors_multiply_up_to_the_step_s_own_ratio(
    schedule: str, stages: int, microbatches: int, chunks: int, stage_s: list[float], latency_s: float
) -> None:
    plan = plan_of(schedule, stages, microbatches, chunks)
    costs = MeasuredCosts(
        {action: stage_s[action.stage] for action in plan.graph.actions()},
        before={0: 0.5},
        after={stages - 1: 0.25},
    )
    timeline = simulate(plan, costs, Link(latency_s=latency_s))
    found = factors_of(timeline, baseline_step_s=7.0)
    assert found is not None
    assert found.speedup == pytest.approx(7.0 / timeline.makespan_s, rel=1e-9)
    assert found.overlap >= 1 - 1e-9
    assert found.transfer >= 1 - 1e-9


@PROPERTY
@given(shared_graphs, st.sampled_from(PIPELINED), st.integers(0, 100), st.floats(0.0, 2.0))
def test_the_factors_of_a_step_whose_softmax_is_shared_multiply_up_too(
    graph: Graph, schedule: str, seed: int, latency_s: float
) -> None:
    timeline = simulate(SCHEDULES[schedule].plan(graph), random_costs(graph, seed), Link(latency_s=latency_s))
    found = factors_of(timeline, baseline_step_s=7.0)
    assert found is not None
    assert found.devices == graph.devices
    assert found.speedup == pytest.approx(7.0 / timeline.makespan_s, rel=1e-9)
    assert found.transfer >= 1 - 1e-9


def test_a_step_in_which_nothing_was_done_has_no_factors() -> None:
    nothing = Replay(plan_of("gpipe", 2, 1), dict.fromkeys(Graph(2, 1).actions(), 0.0))
    assert summed_up(waterfall(nothing, Measured(1.0, 1.0)), 2) is None


def test_work_is_over_the_baseline_s_step_on_however_many_devices() -> None:
    plan = plan_of("gpipe", 4, 4)
    replay = replay_of(simulate(plan, UniformCosts(1, 2)), ports=True)
    found = summed_up(waterfall(replay, Measured(24.0, 21.0, baseline_devices=2)), 4)
    assert found is not None
    assert found.work == pytest.approx(4 * 4 * 3 / 24.0)
    assert found.speedup == pytest.approx(24.0 / 21.0)


def test_what_devices_wait_for_their_core_is_no_work_of_theirs() -> None:
    timeline = simulate(plan_of("gpipe", 2, 2), UniformCosts(1, 2))
    found = factors_of(timeline, baseline_step_s=3.0, shared=1.6)  # 12 s of work
    assert found is not None
    assert (found.work, found.shared) == pytest.approx((4 / 1.6, 1.6), rel=1e-12)
    assert found.speedup == pytest.approx(3.0 / timeline.makespan_s, rel=1e-12)
    most = factors_of(timeline, baseline_step_s=3.0, shared=9.0)  # no more than all of it
    assert most is not None
    assert (most.work, most.shared) == pytest.approx((1.0, 4.0), rel=1e-12)
