"""The factors of a waterfall multiply up to what was measured, and the last one is what nothing else explains."""

from math import prod

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.waterfall import Measured, waterfall
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.links import Link
from pipebench.timing.replay import Replay, replay_of
from pipebench.timing.simulator import simulate
from tests.builders import PIPELINED, PROPERTY, plan_of, random_costs
from tests.diagnosis.explained import LONG, SLOW, Costs, K, M, factors
from tests.graphs import shared_graphs


def test_only_the_last_step_reads_what_the_pipeline_took() -> None:
    record = Costs(stages={2: SLOW}, slices={3: LONG}, transfer_s=0.25, after={0: 1.0}).record()
    before = factors(record)
    scaled = [
        msgspec.structs.replace(
            each,
            pipeline=msgspec.structs.replace(
                each.pipeline, step_s=[1.25 * step_s for step_s in each.pipeline.step_s]
            ),
        )
        for each in record.launches
    ]
    after = factors(msgspec.structs.replace(record, launches=scaled))
    assert after.pop(steps.UNEXPLAINED) == pytest.approx(before.pop(steps.UNEXPLAINED) / 1.25, rel=1e-12)
    assert after == before


def test_what_a_longer_step_than_the_recorded_one_took_is_unexplained() -> None:
    found = factors(Costs().record(pipeline_s=40.0))
    assert found[steps.UNEXPLAINED] == pytest.approx(33.0 / 40.0)
    assert prod(found.values()) == pytest.approx(80.0 / 40.0)


def test_a_baseline_on_several_devices_is_where_the_first_factor_begins() -> None:
    plan = plan_of("gpipe", K, M)
    replay = replay_of(simulate(plan, random_costs(plan.graph, 3)), ports=True)
    alone = dict(waterfall(replay, Measured(50.0, 40.0)))
    found = dict(waterfall(replay, Measured(50.0, 40.0, baseline_devices=2)))
    assert list(found)[:3] == [steps.DEVICES, steps.BASELINE, steps.WORK]
    assert found[steps.DEVICES] == K / 2
    assert found[steps.BASELINE] == 2  # which take turns: their step has the work of one
    assert found[steps.WORK] == pytest.approx(alone[steps.WORK])
    assert prod(found.values()) == pytest.approx(50.0 / 40.0)


def test_devices_that_take_turns_on_cores_have_a_step_for_it() -> None:
    plan = plan_of("gpipe", 2, 2)
    replay = replay_of(simulate(plan, random_costs(plan.graph, 3)), ports=True)
    alone = dict(waterfall(replay, Measured(5.0, 40.0)))
    shared = dict(waterfall(replay, Measured(5.0, 40.0, shared=1.6)))
    assert shared[steps.SHARED] == pytest.approx(1 / 1.6)
    assert shared[steps.WORK] * shared[steps.SHARED] == pytest.approx(alone[steps.WORK])
    assert {n: v for n, v in shared.items() if n not in (steps.WORK, steps.SHARED)} == pytest.approx(
        {n: v for n, v in alone.items() if n != steps.WORK}
    )
    most = dict(waterfall(replay, Measured(5.0, 40.0, shared=1e6)))  # no more than the work is longer
    assert most[steps.WORK] == pytest.approx(1.0)


def test_where_nobody_worked_all_is_left_unexplained() -> None:
    graph = Graph(2, 1)
    nothing = Replay(plan_of("gpipe", 2, 1), dict.fromkeys(graph.actions(), 0.0))
    assert waterfall(nothing, Measured(3.0, 2.0)) == [(steps.DEVICES, 2.0), (steps.UNEXPLAINED, 0.75)]


@PROPERTY
@given(
    st.one_of(
        st.builds(Graph, st.integers(1, 5), st.integers(1, 6), st.integers(1, 3), clips=st.booleans()),
        shared_graphs,
    ),
    st.sampled_from(PIPELINED),
    st.integers(0, 100),
    st.floats(0.0, 2.0),
)
def test_the_factors_multiply_up_to_the_measured_speed_up(
    graph: Graph, schedule: str, seed: int, latency_s: float
) -> None:
    plan = SCHEDULES[schedule].plan(graph)
    timeline = simulate(plan, random_costs(graph, seed), Link(latency_s=latency_s))
    found = waterfall(replay_of(timeline, ports=True), Measured(7.0, 5.0))
    assert prod(each.factor for each in found) == pytest.approx(7.0 / 5.0, rel=1e-9)
    by_step = dict(found)
    assert by_step[steps.UNEXPLAINED] == pytest.approx(timeline.makespan_s / 5.0, rel=1e-9)
    for name in (steps.FILL, steps.WAITING):
        assert by_step[name] <= 1 + 1e-9
