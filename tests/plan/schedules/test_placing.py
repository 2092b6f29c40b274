"""Where the shards of a softmax and the loss stand between a chain's actions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Sharing
from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import units_in, units_of
from pipebench.plan.check import check
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.schedules.placing import placed
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import PIPELINED, PROPERTY, SPLITTING, texts
from tests.graphs import SHARED_GRID, branching_graphs, shared, shared_graphs

ON_PAPER = {"F": 1.0, "B": 2.0, "I": 1.0, "W": 1.0}


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
