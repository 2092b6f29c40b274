"""Steps with cells run again: as they were, and with what a direct recomputation gives."""

from collections.abc import Callable
from dataclasses import replace
from statistics import fmean, median

import pytest

from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import on_each_slice
from pipebench.plan.graph import Graph
from pipebench.timing.changes import change_of
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.replay import Replay, replay_of
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from pipebench.timing.what_if import changed, mean_step_s
from tests.cells import LINK, PLANS, by_the_clock, costs_of, message_bytes, step_of_cells


def assert_same_step(again: Timeline, timeline: Timeline) -> None:
    assert again.makespan_s == pytest.approx(timeline.makespan_s, rel=1e-12)
    starts = {span.action: span.start_s for span in timeline.spans}
    assert {span.action: span.start_s for span in again.spans} == pytest.approx(starts, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_an_emulated_step_takes_as_long_again(name: str, seed: int | None) -> None:
    timeline = step_of_cells(PLANS[name], seed)
    replay = replay_of(timeline, ports=True, overhead_s=LINK.overhead_s)
    assert replay.lengths == pytest.approx(costs_of(PLANS[name], seed).actions)
    assert_same_step(replay.again, timeline)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_step_of_the_wall_clock_takes_as_long_again_whatever_held_it_up(name: str, seed: int) -> None:
    costs = costs_of(PLANS[name], seed)
    late = {action: costs.actions[action] / 5 for action in list(costs.actions)[::3]}
    timeline = simulate(PLANS[name], replace(costs, gaps=late), transfer_s=lambda m: 0.1 * (1 + m.receiver))
    assert_same_step(replay_of(by_the_clock(timeline), ports=False).again, timeline)


def test_a_late_host_is_a_gap_ahead_of_a_cell() -> None:
    plan = PLANS["wavefront"]
    cell = next(a for a in plan.programs[2] if a.operation is Operation.BACKWARD_WEIGHT and a.slices > 1)
    timeline = simulate(plan, MeasuredCosts(costs_of(plan).actions, gaps={cell: 0.75}))
    replay = replay_of(by_the_clock(timeline), ports=False)
    assert replay.gaps == pytest.approx({cell: 0.75})


def test_the_overhead_of_the_messages_of_a_cell_is_of_the_cell() -> None:
    replay = replay_of(step_of_cells(PLANS["wavefront"]), ports=True, overhead_s=LINK.overhead_s)
    shard = next(a for a in PLANS["wavefront"].programs[2] if a.stage == 6)
    assert shard.chunks == 2
    assert (
        replay.beside[shard] == (2 + 2) * LINK.overhead_s
    )  # of each chunk one comes, and one goes to the loss
    alone = replay.slices_alone(replay.lengths, with_messages=False)
    bare = simulate(PLANS["wavefront"], MeasuredCosts(costs_of(PLANS["wavefront"], 1).actions))
    assert alone.makespan_s == pytest.approx(bare.makespan_s)


def replayed(name: str) -> Replay:
    return replay_of(step_of_cells(PLANS[name]), ports=True, overhead_s=LINK.overhead_s)


def directly(name: str, length: Callable[[Action, float], float]) -> float:
    """The makespan where each cell's length is made another one."""
    costs = costs_of(PLANS[name], 1)
    changed_s = {action: length(action, each_s) for action, each_s in costs.actions.items()}
    there = MeasuredCosts(changed_s, costs.before, costs.after)
    return simulate(PLANS[name], there, LINK, message_bytes=message_bytes).makespan_s


def step_s(replay: Replay, text: str) -> float:
    return mean_step_s(changed([replay], change_of(text, replay.plan.graph)))


def mean_of(replay: Replay, middle: Callable[[list[float]], float], **of: object) -> float:
    """Of the lengths on a slice that have all of these attributes; a shard is of another kind than a layer."""
    found = []
    for action, each_s in replay.lengths.items():
        parts = on_each_slice(replay.plan.graph, action)
        found += [
            each_s / len(parts)
            for each in parts
            if all(getattr(each, name) == value for name, value in of.items())
            and each.stage < replay.plan.graph.chain
        ]
    return middle(found)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize(("rule", "middle"), [("mean", fmean), ("median", median)])
def test_a_stage_like_the_mean_of_all_slice_by_slice(
    name: str, rule: str, middle: Callable[[list[float]], float]
) -> None:
    replay = replayed(name)
    graph = replay.plan.graph

    def made(action: Action, each_s: float) -> float:
        if action.stage != 1:
            return each_s
        parts = on_each_slice(graph, action)
        return sum(mean_of(replay, middle, operation=action.operation, chunk=each.chunk) for each in parts)

    assert step_s(replay, f"stage 1 = {rule}") == pytest.approx(directly(name, made), rel=1e-12)


@pytest.mark.parametrize("name", PLANS)
def test_a_device_like_the_mean_of_all(name: str) -> None:
    replay = replayed(name)
    graph = replay.plan.graph
    equal = {
        (operation, shard, chunk): fmean(
            replay.lengths[action] / action.slices
            for action in replay.lengths
            for each in on_each_slice(graph, action)
            if (each.operation, kind(graph, each), each.chunk) == (operation, shard, chunk)
        )
        for operation in graph.operations
        for shard in {kind(graph, action) for action in graph.actions()}
        for chunk in range(graph.chunks)
    }

    def made(action: Action, each_s: float) -> float:
        if graph.device(action) != 2:
            return each_s
        return sum(equal[a.operation, kind(graph, a), a.chunk] for a in on_each_slice(graph, action))

    assert step_s(replay, "device 2 = mean") == pytest.approx(directly(name, made), rel=1e-12)


def kind(graph: Graph, action: Action) -> str:
    """A layer's stage, a piece of the softmax, or the loss."""
    chain, last = graph.chain, graph.last_stage
    return "layers" if action.stage < chain else "loss" if action.stage == last else "shard"


@pytest.mark.parametrize("name", PLANS)
def test_all_in_half_the_time(name: str) -> None:
    found = directly(name, lambda _, each_s: each_s / 2)
    assert step_s(replayed(name), "all x 0.5") == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("factor", [0.0, 3.0])
def test_a_chunk_takes_its_share_of_a_cell_with_it(factor: float) -> None:
    graph = PLANS["wavefront"].graph

    def made(action: Action, each_s: float) -> float:
        own = sum(each.chunk == 3 for each in on_each_slice(graph, action)) / action.slices
        return each_s * (1 - own) + each_s * own * factor

    assert step_s(replayed("wavefront"), f"chunk 3 x {factor:g}") == pytest.approx(
        directly("wavefront", made), rel=1e-12
    )


def test_a_microbatch_like_the_others_in_its_share_of_a_cell() -> None:
    replay = replayed("wavefront")
    graph = replay.plan.graph
    others = {
        (a.operation, a.stage, each.chunk): s / a.slices
        for a, s in replay.lengths.items()
        for each in on_each_slice(graph, a)
        if each.microbatch == 0
    }

    def made(action: Action, each_s: float) -> float:
        parts = on_each_slice(graph, action)
        return sum(
            others[each.operation, each.stage, each.chunk] if each.microbatch == 1 else each_s / len(parts)
            for each in parts
        )

    assert step_s(replay, "microbatch 1 = others") == pytest.approx(directly("wavefront", made), rel=1e-12)


def test_a_link_of_nothing_leaves_the_cells_alone() -> None:
    replay = replayed("wavefront")
    free = simulate(PLANS["wavefront"], costs_of(PLANS["wavefront"], 1), Link())
    assert step_s(replay, "link = 0 s") == pytest.approx(free.makespan_s, rel=1e-12)
