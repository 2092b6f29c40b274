from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan.actions import Operation
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.rerun import without_transfers_s
from pipebench.timing.simulator import simulate
from tests.builders import PIPELINED, PROPERTY, plan_of, random_costs, small_timeline
from tests.graphs import branching_graphs, shared_graphs


def test_without_messages_to_wait_for_a_step_is_as_long_as_it_was() -> None:
    timeline = simulate(
        plan_of("gpipe", 3, 4), MeasuredCosts(dict.fromkeys(plan_of("gpipe", 3, 4).graph.actions(), 2.0))
    )
    assert without_transfers_s(timeline) == timeline.makespan_s == 24.0
    both = (Operation.FORWARD, Operation.BACKWARD)
    half = {(device, operation): 0.5 for device in range(3) for operation in both}
    assert without_transfers_s(timeline, half) == 12.0
    assert without_transfers_s(timeline, {(0, Operation.FORWARD): 2.0}) == 24.0 + 4 * 2.0


@PROPERTY
@given(
    st.sampled_from(PIPELINED),
    st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 3)),
    st.lists(st.floats(0.01, 10.0), min_size=5, max_size=5),
    st.floats(0.001, 3.0),
)
def test_it_is_what_the_simulator_says_of_the_same_plan_with_free_messages(
    schedule: str, sizes: tuple[int, int, int], stage_s: list[float], latency_s: float
) -> None:
    plan = plan_of(schedule, *sizes)
    costs = MeasuredCosts(
        {action: stage_s[action.stage] for action in plan.graph.actions()}, before={0: 1.0}, after={0: 0.5}
    )
    slow = simulate(plan, costs, Link(latency_s=latency_s))
    assert without_transfers_s(slow) == pytest.approx(simulate(plan, costs).makespan_s, rel=1e-12)


@PROPERTY
@given(
    graph=st.one_of(branching_graphs(), shared_graphs),
    seed=st.integers(0, 100),
    link=st.sampled_from([Link(0.5), Link(3.0), latency_only(3.0)]),
    free=st.booleans(),
)
def test_stages_side_by_side_are_what_the_simulator_says_with_free_messages(
    graph: Graph, seed: int, link: Link, *, free: bool
) -> None:
    """Also where what is beside the chain takes no time at all, as a loss on paper does."""
    plan, costs = SCHEDULES["gpipe"].plan(graph), random_costs(graph, seed)
    if free:
        nothing = {action: 0.0 for action in graph.actions() if action.stage >= graph.chain}
        costs = replace(costs, actions={**costs.actions, **nothing})
    slow = simulate(plan, costs, link)
    assert without_transfers_s(slow) == pytest.approx(simulate(plan, costs).makespan_s, rel=1e-12)


def test_a_small_timeline_by_hand() -> None:
    assert without_transfers_s(small_timeline()) == 9.0  # 3 x (1 + 2), and 9.5 with its two messages of 0.25
