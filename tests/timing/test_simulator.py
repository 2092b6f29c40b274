"""The simulator on chains: when each action runs, and which plans can never end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan.actions import parse_action
from pipebench.plan.check import check
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.simulator import DeadlockError, simulate
from pipebench.timing.timeline import OtherWork
from tests.builders import (
    GRID,
    PIPELINED,
    PROPERTY,
    costs_by_hand,
    graphs,
    plan_of,
    random_costs,
)
from tests.timing.by_hand import earliest_ends, lanes, transfers_by_text

seeds = st.integers(0, 10**6)


def test_a_small_plan_by_hand() -> None:
    timeline = simulate(plan_of("gpipe", 2, 2), UniformCosts(1, 2), latency_only(0.25))
    assert lanes(timeline) == [
        "0F0 0-1, 0F1 1-2, 0B1 5.5-7.5, 0B0 7.5-9.5",
        "1F0 1.25-2.25, 1F1 2.25-3.25, 1B1 3.25-5.25, 1B0 5.25-7.25",
    ]
    assert transfers_by_text(timeline) == {
        "0F0": (1, 1, 1.25),
        "0F1": (2, 2, 2.25),
        "1B1": (5.25, 5.25, 5.5),
        "1B0": (7.25, 7.25, 7.5),
    }


def test_pure_latency_delays_each_sweep_once_a_border() -> None:
    timeline = simulate(plan_of("gpipe", 8, 8), UniformCosts(1, 2), latency_only(0.25))
    assert timeline.makespan_s == 3 * 15 + 2 * 7 * 0.25
    for stages, microbatches, chunks in GRID[::4]:
        plan = plan_of("gpipe", stages, microbatches, chunks)
        makespan = simulate(plan, UniformCosts(1, 2), latency_only(0.7)).makespan_s
        slots = microbatches * chunks + stages - 1
        assert makespan == pytest.approx(3 * slots + 2 * (stages - 1) * 0.7, rel=1e-12)


@PROPERTY
@given(
    graph=graphs,
    schedule=st.sampled_from(PIPELINED),
    seed=seeds,
    latency=st.sampled_from([0.0, 0.3, 4.0]),
)
def test_every_action_runs_as_early_as_its_inputs_and_its_device_allow(
    graph: Graph, schedule: str, seed: int, latency: float
) -> None:
    plan, costs = SCHEDULES[schedule].plan(graph), random_costs(graph, seed)
    timeline = simulate(plan, costs, latency_only(latency))
    assert {span.action: span.end_s for span in timeline.spans} == earliest_ends(plan, costs, latency)


@PROPERTY
@given(graph=graphs, schedule=st.sampled_from(PIPELINED), seed=seeds, ports=st.booleans())
def test_spans_never_overlap_and_inputs_end_and_arrive_before(
    graph: Graph, schedule: str, seed: int, *, ports: bool
) -> None:
    plan = SCHEDULES[schedule].plan(graph)
    timeline = simulate(plan, random_costs(graph, seed), Link(0.4, ports=ports))
    span_of = {span.action: span for span in timeline.spans}
    arrival = {
        (transfer.message.producer, transfer.message.consumer): transfer.end_s
        for transfer in timeline.transfers
    }
    assert len(timeline.spans) == len(span_of) == len(list(graph.actions()))
    for device, program in enumerate(plan.programs):
        spans = timeline.spans_of(device)
        assert tuple(span.action for span in spans) == program
        assert all(before.end_s <= after.start_s for before, after in pairwise(spans))
    for action, span in span_of.items():
        for needed in inputs_of(graph, action):
            arrived = arrival.get((needed, action), span_of[needed].end_s)
            assert span_of[needed].end_s <= arrived <= span.start_s
    assert len(arrival) == 2 * (graph.stages - 1) * graph.microbatches * graph.chunks


def test_a_plan_with_its_transfers_runs_as_the_one_without() -> None:
    plan = plan_of("1f1b", 4, 6, 2)
    costs = random_costs(plan.graph, 1)
    assert simulate(add_transfers(plan), costs, Link(0.1)) == simulate(plan, costs, Link(0.1))


def test_work_before_and_after_the_actions_stands_on_its_device() -> None:
    plan = plan_of("gpipe", 2, 1)
    usual = costs_by_hand(plan.graph).actions
    timeline = simulate(plan, MeasuredCosts(usual, before={0: 0.5, 1: 4.0}, after={0: 0.25, 1: 1.0}))
    assert lanes(timeline) == ["0F0 0.5-1.5, 0B0 7-9", "1F0 4-5, 1B0 5-7"]
    assert set(timeline.other) == {
        OtherWork(0, "zero_grad", 0.0, 0.5),
        OtherWork(1, "zero_grad", 0.0, 4.0),
        OtherWork(1, "optimizer", 7.0, 8.0),
        OtherWork(0, "optimizer", 9.0, 9.25),
    }
    assert timeline.makespan_s == 9.25


def test_several_stages_of_a_device_take_turns() -> None:
    plan = SCHEDULES["gpipe"].plan(Graph(4, 1, device_of=(0, 1, 0, 1)))
    timeline = simulate(plan, UniformCosts(1, 2), latency_only(0.5))
    # a chain of 4 forwards and 4 backwards over 3 + 3 borders
    assert timeline.makespan_s == 4 * 3 + 6 * 0.5


# deadlocks


@pytest.mark.parametrize("schedule", ["gpipe", "wavefront", "naive"])
def test_sweeps_pass_with_blocking_transfers(schedule: str) -> None:
    for stages, microbatches, chunks in GRID[::4]:
        sizes = (stages, 1, 1) if schedule == "naive" else (stages, microbatches, chunks)
        plan = plan_of(schedule, *sizes)
        timeline = simulate(plan, UniformCosts(1, 2), latency_only(0.5), blocking=True)
        assert len(timeline.spans) == len(list(plan.graph.actions()))


def test_a_blocking_message_holds_both_devices() -> None:
    timeline = simulate(plan_of("gpipe", 2, 2), UniformCosts(1, 2), latency_only(0.5), blocking=True)
    assert lanes(timeline) == [
        "0F0 0-1, 0F1 1.5-2.5, 0B1 6.5-8.5, 0B0 9-11",
        "1F0 1.5-2.5, 1F1 3-4, 1B1 4-6, 1B0 6.5-8.5",
    ]


def test_blocking_1f1b_is_stuck_and_each_device_says_on_what() -> None:
    expected = "deadlock: device 0: 0SEND_F1 waits for 1RECV_F1; device 1: 1SEND_B0 waits for 0RECV_B0"
    with pytest.raises(DeadlockError) as caught:
        simulate(plan_of("1f1b", 2, 4), UniformCosts(1, 2), blocking=True)
    assert str(caught.value) == expected
    for stages in range(2, 9):
        for microbatches in range(2, 17):
            with pytest.raises(DeadlockError, match=r"device 0: 0\w+ waits for 1\w+; device 1: 1"):
                simulate(plan_of("1f1b", stages, microbatches), UniformCosts(1, 2), blocking=True)


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        (
            "0F0,0B0,0F1,0B1\n1F1,1F0,1B0,1B1\n",
            "deadlock: device 0: 0B0 waits for 1B0; device 1: 1F1 waits for 0F1",
        ),
        (
            "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n2F1,2F0,2B0,2B1\n",
            "deadlock: device 0: 0B0 waits for 1B0; device 1: 1B0 waits for 2B0; device 2: 2F1 waits for 1F1",
        ),
    ],
)
def test_devices_that_wait_in_a_circle_are_named(csv: str, message: str) -> None:
    plan = plan_from_csv(csv)
    check(plan)  # each device by itself is in order
    with pytest.raises(DeadlockError) as caught:
        simulate(plan, UniformCosts(1, 2))
    assert str(caught.value) == message
    with pytest.raises(DeadlockError, match="deadlock: device 0: "):
        simulate(plan, UniformCosts(1, 2), blocking=True)


def test_a_missing_message_is_a_deadlock_too() -> None:
    programs = ("0F0 0RECV_B0 0B0", "1RECV_F0 1F0 1B0 1SEND_B0")
    plan = Plan(Graph(2, 1), tuple(tuple(map(parse_action, program.split())) for program in programs))
    with pytest.raises(DeadlockError, match="device 0: 0B0 waits for 1B0; device 1: 1F0 waits for 0F0"):
        simulate(plan, UniformCosts(1, 2))
