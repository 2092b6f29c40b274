from math import inf

import pytest

from pipebench.errors import UsageError
from pipebench.plan.actions import Action, Operation, parse_action
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.changes import change_of
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.replay import Replay, replay_of
from pipebench.timing.simulator import simulate
from pipebench.timing.what_if import changed, mean_step_s
from tests.builders import costs_by_hand, plan_of

STAGES, SLICES = 4, 8


def replayed(latency_s: float = 0.0, **special_s: float) -> Replay:
    """gpipe on 4 stages with 8 slices of F = 1, B = 2, zeroing of 0.5 and an update of 0.25 on each device."""
    plan = plan_of("gpipe", STAGES, SLICES)
    costs = costs_by_hand(plan.graph, **special_s)
    around = dict.fromkeys(range(STAGES), 0.5), dict.fromkeys(range(STAGES), 0.25)
    return replay_of(simulate(plan, MeasuredCosts(costs.actions, *around), Link(latency_s)), ports=True)


def step_s(replay: Replay, text: str, **more: object) -> float:
    change = change_of(text, replay.plan.graph)
    return mean_step_s(changed([replay], change, **more))  # type: ignore[arg-type]


def slow_stage(factor: float) -> Replay:
    names = {f"_2F{m}": factor for m in range(SLICES)} | {f"_2B{m}": 2 * factor for m in range(SLICES)}
    return replayed(**names)


ALIKE_S = 3 * (SLICES + STAGES - 1) + 0.75


def test_equal_stages_keep_what_later_chunks_have_more_to_do() -> None:
    """Or the gain of equal stages would be that of equal chunks too."""
    plan = plan_of("wavefront", 3, 2, 4)
    costs = {
        action: (1.0 + action.chunk) * (1.0 if action.operation is Operation.FORWARD else 2.0)
        for action in plan.graph.actions()
    }
    alike = replay_of(simulate(plan, MeasuredCosts(costs), Link(0.0)), ports=True)
    for text in ("stages = mean", "device 1 = mean", "stage 2 = others", "stages = median"):
        assert step_s(alike, text) == alike.again.makespan_s
    assert step_s(alike, "chunks = mean") < alike.again.makespan_s
    assert step_s(alike, "all = mean") == step_s(alike, "chunks = mean")
    slow = {action: each_s * (1.3 if action.stage == 2 else 1.0) for action, each_s in costs.items()}
    replay = replay_of(simulate(plan, MeasuredCosts(slow), Link(0.0)), ports=True)
    assert step_s(replay, "stages = mean") == pytest.approx(1.1 * alike.again.makespan_s)


def test_a_stage_at_the_mean_of_all() -> None:
    slow = slow_stage(1.5)
    assert slow.again.makespan_s == pytest.approx(3 * (1.5 * SLICES + STAGES - 1) + 0.75)
    # the mean of all stages is 9/8: that of stage 2 alone, then of all
    assert step_s(slow, "stage 2 = mean") == pytest.approx(3 * (9 / 8 * SLICES + STAGES - 1) + 0.75)
    assert step_s(slow, "device 2 = mean") == step_s(slow, "stage 2 = mean")
    assert step_s(slow, "stages = mean") == pytest.approx(3 * 9 / 8 * (SLICES + STAGES - 1) + 0.75)
    assert step_s(slow, "all = mean") == step_s(slow, "stages = mean")


def test_a_stage_as_the_others_are() -> None:
    assert step_s(slow_stage(1.5), "stage 2 = others") == pytest.approx(ALIKE_S)
    assert step_s(slow_stage(1.5), "stage 2 = median") == pytest.approx(ALIKE_S)
    assert step_s(slow_stage(1.5), "stages = median") == pytest.approx(ALIKE_S)


def test_a_factor_multiplies_time() -> None:
    assert step_s(slow_stage(1.5), f"stage 2 x {1 / 1.5}") == pytest.approx(ALIKE_S)
    assert step_s(replayed(), "all x 2") == pytest.approx(2 * (ALIKE_S - 0.75) + 0.75)
    assert step_s(replayed(), "devices x 2") == pytest.approx(2 * ALIKE_S)  # with all that they do
    assert step_s(replayed(), "all x 0") == pytest.approx(0.75)


def test_microbatches_and_chunks_at_their_mean() -> None:
    names = {f"_{stage}{op}3": 2.0 * s for stage in range(STAGES) for op, s in (("F", 1), ("B", 2))}
    long = replayed(**names)
    mean = (SLICES + 1) / SLICES
    assert step_s(long, "microbatches = mean") == pytest.approx(mean * (ALIKE_S - 0.75) + 0.75)
    assert step_s(long, "microbatch 3 = others") == pytest.approx(ALIKE_S)
    assert step_s(long, "chunks = mean") == pytest.approx(long.again.makespan_s)  # there is one


def test_a_microbatch_keeps_the_differences_of_its_chunks() -> None:
    graph = Graph(1, 2, 2)
    lengths = {"0F0.0": 1.0, "0F0.1": 2.0, "0F1.0": 3.0, "0F1.1": 6.0}
    costs = dict.fromkeys(graph.actions(), 1.0) | {parse_action(text): s for text, s in lengths.items()}
    replay = replay_of(simulate(SCHEDULES["gpipe"].plan(graph), MeasuredCosts(costs)), ports=True)
    (by_microbatch,) = changed([replay], change_of("microbatches = mean", graph))
    assert [by_microbatch.lengths[parse_action(text)] for text in lengths] == [2.0, 4.0, 2.0, 4.0]
    (by_chunk,) = changed([replay], change_of("chunks = mean", graph))
    assert [by_chunk.lengths[parse_action(text)] for text in lengths] == [1.5, 1.5, 4.5, 4.5]


def test_means_are_over_all_steps_and_replicas() -> None:
    one, other = slow_stage(1.0), slow_stage(2.0)
    change = change_of("all = mean", one.plan.graph)
    both = changed([one, other], change)
    mean = (7 * 1.0 + 2.0) / 8
    assert [each.again.makespan_s for each in both] == pytest.approx([mean * (ALIKE_S - 0.75) + 0.75] * 2)
    assert mean_step_s([one, other]) == pytest.approx((one.again.makespan_s + other.again.makespan_s) / 2)


def test_a_shard_is_made_equal_to_shards_and_the_loss_to_itself() -> None:
    graph = Graph(
        4, 2, device_of=(0, 1, 2, 1), feeds=((1, 2), (3,), (3,), ()), chain=1, work=(1.0, 1.0, 1.0, 0.0)
    )
    forward = {stage: Action(Operation.FORWARD, stage, 0) for stage in range(4)}
    costs = dict.fromkeys(graph.actions(), 1.0)
    for stage, each_s in ((0, 9.0), (1, 2.0), (2, 4.0), (3, 0.5)):
        costs |= {a: each_s for a in costs if a.stage == stage}
    replay = replay_of(simulate(SCHEDULES["gpipe"].plan(graph), MeasuredCosts(costs)), ports=True)
    (found,) = changed([replay], change_of("stages = mean", graph))
    assert [found.lengths[forward[stage]] for stage in range(4)] == [9.0, 3.0, 3.0, 0.5]


def test_links() -> None:
    late = replayed(latency_s=0.5)
    crossings = 2 * (STAGES - 1)
    assert late.again.makespan_s == pytest.approx(ALIKE_S + 0.5 * crossings)
    assert step_s(late, "link x 0.5") == pytest.approx(ALIKE_S + 0.25 * crossings)
    assert step_s(late, "link = 0 s") == pytest.approx(ALIKE_S)
    assert step_s(late, "link 1-2 = 0 s") == pytest.approx(ALIKE_S + 0.5 * (crossings - 2))
    sizes = dict.fromkeys(late.messages, 1000)
    assert step_s(late, "link = 4 kB/s, 125 ms", sizes=sizes) == pytest.approx(ALIKE_S + 0.375 * crossings)
    # figures are of the machine: on this host time runs twice as slow
    assert step_s(late, "link = 4 kB/s", sizes=sizes, dilation=2.0) == pytest.approx(
        ALIKE_S + 0.5 * crossings
    )


def with_overhead() -> Replay:
    """Messages cost both of their ends 0.25 s, and nothing on their way."""
    plan = plan_of("gpipe", STAGES, SLICES)
    timeline = simulate(plan, costs_by_hand(plan.graph), Link(0.5, overhead_s=0.25))
    return replay_of(timeline, ports=True, overhead_s=0.25)


@pytest.mark.parametrize("text", ["link = 0 s", "link x 1e-9"])
def test_a_link_that_costs_its_ends_time_costs_none_if_it_is_free(text: str) -> None:
    assert step_s(with_overhead(), text) == pytest.approx(ALIKE_S - 0.75, rel=1e-6)


def test_a_slower_link_and_a_faster_device_change_the_time_that_messages_cost() -> None:
    plan = plan_of("gpipe", STAGES, SLICES)
    slower = simulate(plan, costs_by_hand(plan.graph), Link(1.0, overhead_s=0.5)).makespan_s
    assert step_s(with_overhead(), "link x 2") == pytest.approx(slower)
    twice = {action: 2 * s for action, s in costs_by_hand(plan.graph).actions.items()}
    all_of_it = simulate(plan, MeasuredCosts(twice), Link(1.0, overhead_s=0.5)).makespan_s
    assert step_s(with_overhead(), "devices x 2") == pytest.approx(all_of_it)


def test_what_has_no_others_of_its_kind_is_refused() -> None:
    graph = Graph(
        4, 2, device_of=(0, 1, 2, 1), feeds=((1, 2), (3,), (3,), ()), chain=1, work=(1.0, 1.0, 1.0, 0.0)
    )
    costs = MeasuredCosts(dict.fromkeys(graph.actions(), 1.0))
    replay = replay_of(simulate(SCHEDULES["gpipe"].plan(graph), costs), ports=True)
    with pytest.raises(UsageError, match="3F0 is the only one of its kind"):
        changed([replay], change_of("stage 3 = others", graph))


def test_a_link_that_nothing_crosses_or_that_nobody_knows_the_load_of_is_refused() -> None:
    with pytest.raises(UsageError, match="devices 0 and 3 send each other nothing"):
        step_s(replayed(), "link 0-3 x 0.5")
    with pytest.raises(UsageError, match="does not say how large its messages are"):
        step_s(replayed(), "link = 1 GB/s")


def test_what_is_made_endless_is_no_change() -> None:
    with pytest.raises(UsageError):
        change_of(f"all x {inf}", Graph(1, 1))
