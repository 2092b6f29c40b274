"""What is put in comes out: every step of the waterfall equals its closed form."""

from itertools import product
from math import prod

import pytest

from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.waterfall import Measured, waterfall
from pipebench.plan.actions import parse_action
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.replay import replay_of
from pipebench.timing.simulator import simulate
from tests.builders import launch
from tests.diagnosis.explained import LONG, SLOW, Costs, K, M, factors

LATER = {0: 0.7, 1: 0.9, 2: 1.2, 3: 1.8}  # chunks of time that attend to all before them
MEAN = sum(LATER.values()) / len(LATER)
EXACT = {"rel": 1e-9}


def forwards_s(stages: dict[int, float], slices: dict[int, float], transfer_s: float = 0.0) -> float:
    """The forwards of a gpipe step: the longest way through a table of stages and slices."""
    ends = [[0.0] * (M + 1) for _ in range(K + 1)]
    for stage, slice_ in product(range(K), range(M)):
        came = ends[stage][slice_ + 1] + (transfer_s if stage else 0.0)
        free = ends[stage + 1][slice_]
        ends[stage + 1][slice_ + 1] = max(came, free) + stages.get(stage, 1.0) * slices.get(slice_, 1.0)
    return ends[K][M]


def gpipe_s(stages: dict[int, float], slices: dict[int, float], transfer_s: float = 0.0) -> float:
    """A whole step: the backwards are the forwards' way back, twice as long, with messages as long as before."""
    mirrored = {M - 1 - slice_: times for slice_, times in slices.items()}
    turned = {K - 1 - stage: times for stage, times in stages.items()}
    return forwards_s(stages, slices, transfer_s) + 2 * forwards_s(turned, mirrored, transfer_s / 2)


EXPECTED_ALONE = {
    "nothing": ({}, {}),
    "a slow stage": (
        {"stages": {2: SLOW}},
        # all alike: (M + K - 1) slices of the mean stage; as it is: K - 1 of the others, M of the slow one
        {steps.STAGES: (M + K - 1) * (K - 1 + SLOW) / K / (K - 1 + M * SLOW)},
    ),
    "a long slice": (
        {"slices": {3: LONG}},
        # the sum of all slices once, then the long one through all other stages
        {steps.SLICES: (M + K - 1) * (M - 1 + LONG) / M / (M - 1 + LONG + (K - 1) * LONG)},
    ),
    "chunks that take longer, the later they are": (
        {"microbatches": 2, "chunks": M // 2, "pieces": LATER},
        {steps.SLICES: 3 * (M + K - 1) * MEAN / gpipe_s({}, {n: LATER[n % (M // 2)] for n in range(M)})},
    ),
    "a transfer": (
        {"transfer_s": 0.25},
        {steps.TRANSFERS: 3 * (M + K - 1) / (3 * (M + K - 1) + 2 * (K - 1) * 0.25)},
    ),
    "a gap of the host": (
        {"late": {parse_action("3F4"): 2.5}},
        {steps.HOST: 3 * (M + K - 1) / (3 * (M + K - 1) + 2.5)},
    ),
    "an update on the device that ends last": (
        {"after": {0: 2.0}},
        {steps.HOST: (3 * (M + K - 1) + 2.0 / K) / (3 * (M + K - 1) + 2.0)},
    ),
    "zeroing and an update on every device": (
        {"before": dict.fromkeys(range(K), 0.5), "after": dict.fromkeys(range(K), 1.5)},
        {},
    ),
    "an action on the way that takes longer": (
        {"own": {parse_action("3F4"): 3.0}},
        None,  # what the slice, the stage and neither of the two have of it is told below
    ),
}


@pytest.mark.parametrize("what", [name for name, (_, told) in EXPECTED_ALONE.items() if told is not None])
def test_each_step_equals_its_closed_form(what: str) -> None:
    put_in, told = EXPECTED_ALONE[what]
    costs = Costs(**put_in)  # type: ignore[arg-type]
    record = costs.record()
    found = factors(record)
    assert told is not None
    work_s = sum(costs.action_s(action) for action in graph_of(costs).actions())
    around_s = sum(costs.before.values()) + sum(costs.after.values())
    expected = dict.fromkeys(found, 1.0) | {
        steps.DEVICES: float(K),
        steps.WORK: costs.baseline_s / (work_s + around_s),
        steps.FILL: _with_around(M / (M + K - 1), costs, around_s),
        steps.UNEXPLAINED: 1.0,
    }
    assert found == pytest.approx(expected | told, **EXACT)
    assert prod(found.values()) == pytest.approx(record.speedup.value, **EXACT)


def graph_of(costs: Costs) -> Graph:
    return Graph(K, costs.microbatches, costs.chunks)


def _with_around(factor: float, costs: Costs, around_s: float) -> float:
    """Of a step with so much work around its slices, which all devices share."""
    slices_s = sum(costs.action_s(action) for action in graph_of(costs).actions()) / K
    return (slices_s + around_s / K) / (slices_s / factor + around_s / K)


@pytest.mark.parametrize(
    ("slow", "long", "transfer_s"), list(product(({}, {0: SLOW}, {2: SLOW}), ({}, {3: LONG}), (0.0, 0.25)))
)
def test_together_each_step_is_what_one_thing_more_costs(
    slow: dict[int, float], long: dict[int, float], transfer_s: float
) -> None:
    costs = Costs(stages=slow, slices=long, transfer_s=transfer_s)
    found = factors(costs.record())
    mean_stage = (K - 1 + sum(slow.values() or [1.0])) / K
    mean_slice = (M - 1 + sum(long.values() or [1.0])) / M
    ideal_s = 3 * M * mean_stage * mean_slice
    alike_s = 3 * (M + K - 1) * mean_stage * mean_slice
    stages_s = gpipe_s(slow, {}) * mean_slice
    slices_s = gpipe_s(slow, long)
    whole_s = gpipe_s(slow, long, transfer_s)
    assert found == pytest.approx(
        {
            steps.DEVICES: K,
            steps.WORK: costs.baseline_s / K / ideal_s,
            steps.FILL: ideal_s / alike_s,
            steps.WAITING: 1.0,
            steps.STAGES: alike_s / stages_s,
            steps.SLICES: stages_s / slices_s,
            steps.TRANSFERS: slices_s / whole_s,
            steps.VARIATION: 1.0,
            steps.HOST: 1.0,
            steps.UNEXPLAINED: 1.0,
        },
        **EXACT,
    )


def test_a_gap_beside_a_slow_stage_and_a_transfer_is_told_apart_from_them() -> None:
    gap_s = 2.5
    late = {parse_action("2F4"): gap_s}  # of the slow stage, which everybody waits for
    found = factors(Costs(stages={2: SLOW}, transfer_s=0.25, late=late).record())
    with_messages_s = gpipe_s({2: SLOW}, {}, 0.25)
    assert found[steps.TRANSFERS] == pytest.approx(gpipe_s({2: SLOW}, {}) / with_messages_s, **EXACT)
    assert found[steps.HOST] == pytest.approx(with_messages_s / (with_messages_s + gap_s), **EXACT)
    assert found[steps.VARIATION] == pytest.approx(1.0, **EXACT)


def test_an_action_that_takes_longer_is_part_of_its_stage_and_its_slice_and_varies_for_the_rest() -> None:
    costs = Costs(own={parse_action("3F4"): 3.0})
    found = factors(costs.record())
    mean_s = 1 + 2 / M  # of stage 3's forwards
    took = (K - 1 + mean_s) / (K - 1 + mean_s) * (K + 2) / (K - 1 + mean_s)  # of slice 4, over the mean slice
    others = K / (K - 1 + mean_s)
    stages_s = M * mean_s + K - 1 + 2 * (M + K - 1)
    slices_s = forwards_s({3: mean_s}, {m: took if m == 4 else others for m in range(M)}) + 2 * (M + K - 1)
    alike_s = (M + K - 1) * (2 + (K - 1 + mean_s) / K)
    assert found[steps.STAGES] == pytest.approx(alike_s / stages_s, **EXACT)
    assert found[steps.SLICES] == pytest.approx(stages_s / slices_s, **EXACT)
    assert found[steps.VARIATION] == pytest.approx(slices_s / (3 * (M + K - 1) + 2), **EXACT)


def test_an_order_that_holds_devices_back_is_waiting_beyond_the_fill() -> None:
    """1F1B by hand with one microbatch in flight: the first device could go on with the next one."""
    graph = Graph(2, 2)
    rows = ("0F0 0B0 0F1 0B1", "1F0 1B0 1F1 1B1")
    plan = Plan(graph, tuple(tuple(map(parse_action, row.split())) for row in rows))
    costs = {action: 1.0 if action.operation.value == "F" else 2.0 for action in graph.actions()}
    found = dict(waterfall(replay_of(simulate(plan, MeasuredCosts(costs)), ports=True), Measured(12.0, 12.0)))
    # 6 s of work each; in the best order the first slice comes after 1 s and the last one goes in 2 s
    assert found[steps.FILL] == pytest.approx(6 / 9)
    assert found[steps.WAITING] == pytest.approx(9 / 12)


def test_naive_devices_take_turns_whether_they_are_equal_or_not() -> None:
    found = factors(Costs(microbatches=1, schedule="naive", stages={3: 5.0}).record())
    assert found[steps.FILL] == pytest.approx(1 / K)
    assert found[steps.STAGES] == pytest.approx(1.0)


def test_the_steps_and_their_order_are_fixed() -> None:
    """Whoever compares two records compares the same steps."""
    assert list(factors(Costs().record())) == [
        steps.DEVICES,
        steps.WORK,
        steps.FILL,
        steps.WAITING,
        steps.STAGES,
        steps.SLICES,
        steps.TRANSFERS,
        steps.VARIATION,
        steps.HOST,
        steps.UNEXPLAINED,
    ]
    assert launch([1.0], [1.0]).pipeline.step_s == [1.0]


@pytest.mark.parametrize("stage", [0, 2])
@pytest.mark.parametrize("slower", [1.1, 2.0])
def test_a_slower_stage_makes_dear_slices_and_unequal_stages_smaller_by_what_the_step_gets_longer(
    stage: int, slower: float
) -> None:
    costs = {"slices": {3: LONG}, "transfer_s": 0.25}
    plain = factors(Costs(stages={2: SLOW}, **costs).record())
    before = {2: SLOW}
    then = before | {stage: before.get(stage, 1.0) * slower}
    slowed = factors(Costs(stages=then, **costs).record())
    fell = slowed[steps.WORK] * slowed[steps.STAGES] / (plain[steps.WORK] * plain[steps.STAGES])
    assert fell == pytest.approx(gpipe_s(before, {}) / gpipe_s(then, {}), **EXACT)
    assert slowed[steps.FILL] == pytest.approx(plain[steps.FILL], **EXACT)
