"""Where the shards of a softmax and the loss stand between a chain's actions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, Sharing, graph_of
from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import units_in, units_of
from pipebench.plan.check import activations_alive, check
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.schedules.placing import placed
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import MeasuredCosts, SoftmaxCosts, UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import PIPELINED, PROPERTY, SPLITTING, texts
from tests.graphs import SHARED_GRID, branching_graphs, shared_graphs

ON_PAPER = {"F": 1.0, "B": 2.0, "I": 1.0, "W": 1.0}


def shared(
    chain: int,
    sharing: Sharing,
    microbatches: int,
    chunks: int = 1,
    *,
    softmax: float = 1.0,
    split: bool = False,
) -> Graph:
    """Layers of cost 1, and a softmax of that cost in all; the loss is free."""
    shards = graph_of(Shape(chain, sharing), 1, 1).stages - chain - 1
    work = (*[1.0] * chain, *[softmax / shards] * shards, 0.0)
    return replace(graph_of(Shape(chain, sharing), microbatches, chunks, work), split_backward=split)


def chain_of(plan: Plan) -> list[tuple[Action, ...]]:
    """Each device's actions of the chain, in the plan's order."""
    return [tuple(a for a in program if a.stage < plan.graph.chain) for program in plan.programs]


def on_paper(plan: Plan) -> Timeline:
    """The plan as the one who placed it saw it: a message takes a fifth of a forward of the chain."""
    graph = plan.graph
    costs = {
        cell: graph.work[cell.stage] * ON_PAPER[cell.operation.value] * len(units_of(graph, cell))
        for program in plan.programs
        for cell in program
    }
    message = 0.2 * sum(graph.work[: graph.chain]) / graph.chain
    return simulate(plan, MeasuredCosts(costs), latency_only(message))


def ready_times(timeline: Timeline) -> dict[Action, float]:
    """When the last input of each action, or cell, is there."""
    units = {span.action: units_of(timeline.graph, span.action) for span in timeline.spans}
    end = {unit: span.end_s for span in timeline.spans for unit in units[span.action]}
    arrival = {(t.message.producer, t.message.consumer): t.end_s for t in timeline.transfers}
    return {
        cell: max(
            (
                arrival.get((needed, unit), end[needed])
                for unit in own
                for needed in inputs_of(timeline.graph, unit)
                if needed not in own
            ),
            default=0.0,
        )
        for cell, own in units.items()
    }


def slices_of(graph: Graph) -> Graph:
    """Without the work that belongs to no slice, which stands behind all that is placed."""
    return replace(graph, clips=False)


def every(name: str) -> Iterator[Graph]:
    """Graphs of many sizes that a schedule can order."""
    for chain, sharing, microbatches, chunks in SHARED_GRID[::3]:
        sizes = (1, 1) if name == "naive" else (microbatches, chunks)
        yield shared(chain, sharing, *sizes, split=SCHEDULES[name].splits_backward)


@pytest.mark.parametrize("name", ["naive", *PIPELINED, *SPLITTING])
def test_the_chain_keeps_its_order_and_the_rest_stands_in_it_once(name: str) -> None:
    for graph in every(name):
        plan = SCHEDULES[name].plan(graph)
        alone = SCHEDULES[name].plan(graph.chain_alone)
        assert chain_of(plan) == [alone.program(device) for device in range(graph.devices)]
        found = Counter(unit for program in plan.programs for unit in units_in(graph, program))
        assert found == Counter(graph.actions())


@PROPERTY
@given(graph=st.one_of(branching_graphs(), shared_graphs).map(slices_of), rest_first=st.booleans())
def test_whatever_is_beside_the_chain_is_placed_once_and_always_alike(
    graph: Graph, *, rest_first: bool
) -> None:
    alone = SCHEDULES["gpipe"].plan(graph.chain_alone)
    if graph.is_chain:
        return
    plan = placed(graph, alone, rest_first=rest_first)
    assert chain_of(plan) == [alone.program(device) for device in range(graph.devices)]
    check(add_transfers(plan))
    assert placed(graph, alone, rest_first=rest_first) == plan


@PROPERTY
@given(graph=st.one_of(branching_graphs(), shared_graphs).map(slices_of), rest_first=st.booleans())
def test_no_device_rests_on_paper_while_something_of_its_own_could_start(
    graph: Graph, *, rest_first: bool
) -> None:
    alone = SCHEDULES["gpipe"].plan(graph.chain_alone)
    timeline = on_paper(placed(graph, alone, rest_first=rest_first))
    ready = ready_times(timeline)
    assert len(timeline.spans) == len(list(graph.actions()))
    for device in range(graph.devices):
        spans = timeline.spans_of(device)
        for turn, span in enumerate(spans):
            before = spans[turn - 1].end_s if turn else 0.0
            later = [other.action for other in spans[turn:]]
            could = [action for action in later if action.stage >= graph.chain]
            could += [action for action in later if action.stage < graph.chain][
                :1
            ]  # of the chain only the next one
            assert span.start_s == max(before, min(ready[action] for action in could))


@PROPERTY
@given(graph=shared_graphs.map(slices_of), name=st.sampled_from(PIPELINED))
def test_what_is_beside_the_chain_goes_first_and_what_the_chain_needs_soonest_before_that(
    graph: Graph, name: str
) -> None:
    alone = SCHEDULES[name].plan(graph.chain_alone)
    turns = [
        (action.microbatch, action.chunk)
        for action in alone.programs[graph.chain - 1]
        if action.operation is Operation.BACKWARD
    ]
    timeline = on_paper(placed(graph, alone, rest_first=True))
    ready = ready_times(timeline)
    met = 0
    for device in range(graph.devices):
        spans = timeline.spans_of(device)
        for turn, span in enumerate(spans):
            waiting = [
                other.action
                for other in spans[turn + 1 :]
                if other.action.stage >= graph.chain and ready[other.action] < span.start_s
            ]
            met += len(waiting)
            if span.action.stage < graph.chain:
                assert waiting == []
            else:
                due = turns.index((span.action.microbatch, span.action.chunk))
                assert all(due <= turns.index((action.microbatch, action.chunk)) for action in waiting)
    assert (
        met or graph.segments > 1 or graph.microbatches * graph.chunks * graph.chain < 40
    )  # most of the larger ones have a choice


def test_a_small_plan_by_hand() -> None:
    """Forwards of 1, shards' of 0.5, messages of 0.2; of two that can start microbatch 1 is needed sooner.

    device 0  0F0 0-1      0F1 1-2      2F0 2.4-2.9  4F0 4B0 2.9  2B0 2.9-3.9  2F1 3.9-4.4  4F1 4B1 4.4  2B1 4.4-5.4
    device 1  1F0 1.2-2.2  3F0 2.2-2.7  1F1 2.7-3.7  3F1 3.7-4.2  3B0 4.2-5.2  3B1 5.2-6.2  1B1 6.2-8.2  1B0 8.2-10.2
    """
    plan = SCHEDULES["gpipe"].plan(shared(2, "all", 2))
    assert texts(plan) == [
        "0F0 0F1 2F0 4F0 4B0 2B0 2F1 4F1 4B1 2B1 0B1 0B0",
        "1F0 3F0 1F1 3F1 3B0 3B1 1B1 1B0",
    ]
    assert [round(span.start_s, 9) for span in on_paper(plan).spans_of(1)] == [
        1.2,
        2.2,
        2.7,
        3.7,
        4.2,
        5.2,
        6.2,
        8.2,
    ]


def test_the_other_way_round_the_chain_goes_first() -> None:
    graph = shared(2, "all", 2)
    plan = placed(graph, SCHEDULES["gpipe"].plan(graph.chain_alone), rest_first=False)
    assert texts(plan) == [
        "0F0 0F1 2F0 2F1 4F1 4B1 2B1 4F0 4B0 2B0 0B1 0B0",
        "1F0 1F1 3F1 3F0 3B1 1B1 3B0 1B0",
    ]


def bound_s(devices: int, slices: int, softmax: float) -> float:
    """A forward of 1 and a backward of 2, through all devices once, and on one device for all slices."""
    return 3.0 * (devices - 1) + 3.0 * slices * (1 + softmax / devices)


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
@pytest.mark.parametrize("softmax", [0.5, 1.0, 2.0, 8.0])
@pytest.mark.parametrize(
    ("name", "microbatches", "chunks"), [("gpipe", 16, 1), ("gpipe", 8, 1), ("wavefront", 4, 8)]
)
def test_a_softmax_that_all_share_costs_its_share_and_no_more(
    name: str, microbatches: int, chunks: int, devices: int, softmax: float
) -> None:
    """All devices together are as fast as one that is 1 / devices of the step and the ramp up and down."""
    graph = shared(devices, "all", microbatches, chunks, softmax=softmax)
    timeline = simulate(SCHEDULES[name].plan(graph), SoftmaxCosts(UniformCosts(1, 2), softmax, graph))
    bound = bound_s(devices, microbatches * chunks, softmax)
    assert timeline.makespan_s == pytest.approx(bound, rel=0.01)
    assert timeline.makespan_s > bound * (1 - 1e-12)


def slower_and_fuller(graph: Graph, name: str, softmax: float, message_s: float = 0.0) -> tuple[float, float]:
    """What the chain first takes and keeps over what the rest first does."""
    chain = SCHEDULES[name].plan(graph.chain_alone)
    costs = SoftmaxCosts(UniformCosts(1, 2), softmax, graph)
    took, kept = [], []
    for rest_first in (False, True):
        plan = placed(graph, chain, rest_first=rest_first)
        took.append(simulate(plan, costs, latency_only(message_s)).makespan_s)
        kept.append(max(map(activations_alive, plan.programs)))
    return took[0] / took[1], kept[0] / kept[1]


@pytest.mark.parametrize(
    ("name", "microbatches", "chunks", "devices", "slower", "fuller"),
    [
        ("gpipe", 16, 1, 8, 75.625 / 72, 32 / 19),
        ("gpipe", 16, 1, 4, 65.25 / 63, 33 / 19),
        ("wavefront", 4, 8, 8, 129.1875 / 123, 63 / 35),
        ("wavefront", 4, 8, 4, 117.875 / 117.125, 63 / 35),
        ("gpipe", 4, 1, 3, 7 / 6, 9 / 6),
        ("1f1b", 16, 1, 4, 148.125 / 106.125, 1.0),
    ],
)
def test_what_it_gains_that_the_rest_goes_first(
    name: str, microbatches: int, chunks: int, devices: int, slower: float, fuller: float
) -> None:
    softmax = 1.0 if devices == 3 else 0.5
    graph = shared(devices, "all", microbatches, chunks, softmax=softmax)
    assert slower_and_fuller(graph, name, softmax) == pytest.approx((slower, fuller), rel=1e-9)


def test_the_chain_first_is_never_faster_while_messages_are_short_and_somewhat_where_they_are_long() -> None:
    short, long = [], []
    for devices in (2, 3, 4, 8):
        for softmax in (0.25, 1.0, 4.0):
            for microbatches in (1, 2, 3, 4, 8):
                graph = shared(devices, "all", microbatches, softmax=softmax)
                short.append(slower_and_fuller(graph, "gpipe", softmax)[0])
                long.append(slower_and_fuller(graph, "gpipe", softmax, message_s=0.5)[0])
    assert min(short) == pytest.approx(1.0, rel=1e-12)
    assert 1.1 < max(short) < 1.17
    assert 0.93 < min(long) < 0.97


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_stages_that_cost_nothing_are_placed_too(name: str) -> None:
    graph = replace(shared(3, "all", 1, split=SCHEDULES[name].splits_backward), work=(0.0,) * 7)
    check(add_transfers(SCHEDULES[name].plan(graph)))


@pytest.mark.parametrize("name", [*PIPELINED, *SPLITTING])
@pytest.mark.parametrize("sharing", ["all", 2])
def test_the_weights_half_of_a_shard_waits_until_nothing_else_of_the_rest_can_start(
    name: str, sharing: Sharing
) -> None:
    graph = shared(3, sharing, 4, 2, softmax=6.0, split=True)
    plan = SCHEDULES[name].plan(graph)
    check(add_transfers(plan))
    timeline = on_paper(plan)
    ready = ready_times(timeline)
    halves = 0
    for device in range(graph.devices):
        spans = timeline.spans_of(device)
        for turn, span in enumerate(spans):
            if span.action.stage >= graph.chain and span.action.operation is Operation.BACKWARD_WEIGHT:
                halves += 1
                assert not any(
                    ready[other.action] < span.start_s
                    for other in spans[turn + 1 :]
                    if other.action.stage >= graph.chain
                    and other.action.operation is not Operation.BACKWARD_WEIGHT
                )
    assert halves == (graph.stages - graph.chain) * 4 * 2


def test_a_stage_beside_the_chain_that_nothing_feeds_is_placed_as_well() -> None:
    graph = Graph(3, 1, feeds=((1,), (), ()), chain=2)
    plan = SCHEDULES["gpipe"].plan(graph)
    check(add_transfers(plan))
    assert texts(plan) == ["0F0 0B0", "1F0 1B0", "2F0 2B0"]
