from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from pipebench.errors import UsageError
from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import units_in, units_of
from pipebench.plan.check import activations_alive, check
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from tests.builders import GRID, plan_of, texts

THIRDS = UniformCosts(1, backward_input=1, backward_weight=1)


def apart(program: tuple[Action, ...], operation: Operation) -> list[tuple[int, int]]:
    return [(action.microbatch, action.chunk) for action in program if action.operation is operation]


def test_zb_h1_is_1f1b_with_the_weights_put_off() -> None:
    assert texts(plan_of("zb-h1", 3, 4)) == [
        "0F0 0F1 0F2 0I0 0W0 0F3 0I1 0W1 0I2 0W2 0I3 0W3",
        "1F0 1F1 1I0 1F2 1I1 1W0 1F3 1I2 1W1 1I3 1W2 1W3",
        "2F0 2I0 2F1 2I1 2F2 2I2 2W0 2F3 2I3 2W1 2W2 2W3",
    ]


def test_zb_h1_with_fewer_microbatches_than_stages_and_on_one_stage() -> None:
    plan = plan_of("zb-h1", 4, 2)
    assert texts(plan)[0] == "0F0 0F1 0I0 0W0 0I1 0W1"
    assert texts(plan)[1] == "1F0 1F1 1I0 1I1 1W0 1W1"
    assert texts(plan)[3] == "3F0 3I0 3F1 3I1 3W0 3W1"
    assert texts(plan_of("zb-h1", 1, 2)) == ["0F0 0I0 0W0 0F1 0I1 0W1"]


def test_the_chunks_of_a_microbatch_wait_together_for_one_cell_that_goes_against_time() -> None:
    plan = plan_of("zb-h1", 2, 2, 2)
    assert texts(plan) == [
        "0F0.0 0F0.1 0F1.0 0F1.1 0I0.1 0I0.0 0W0.0-1 0I1.1 0I1.0 0W1.0-1",
        "1F0.0 1F0.1 1I0.1 1I0.0 1F1.0 1F1.1 1I1.1 1I1.0 1W0.0-1 1W1.0-1",
    ]
    units = units_of(plan.graph, plan.programs[0][-1])
    assert [plan.graph.text(unit) for unit in units] == ["0W1.1", "0W1.0"]


def test_without_the_weights_it_is_1f1b() -> None:
    for sizes in GRID:
        pairs = zip(plan_of("zb-h1", *sizes).programs, plan_of("1f1b", *sizes).programs, strict=True)
        for program, whole in pairs:
            named = [
                action._replace(operation=Operation.BACKWARD)
                if action.operation is Operation.BACKWARD_INPUT
                else action
                for action in program
                if action.operation is not Operation.BACKWARD_WEIGHT
            ]
            assert named == list(whole)


def test_the_weights_keep_the_order_of_the_inputs() -> None:
    for sizes in GRID:
        plan = plan_of("zb-h1", *sizes)
        for program in plan.programs:
            units = tuple(units_in(plan.graph, program))
            assert apart(units, Operation.BACKWARD_WEIGHT) == apart(units, Operation.BACKWARD_INPUT)


def test_stage_s_goes_on_with_at_most_s_microbatches_whose_weights_are_still_to_come() -> None:
    for stages, microbatches, chunks in GRID:
        plan = plan_of("zb-h1", stages, microbatches, chunks)
        for stage, program in enumerate(plan.programs):
            waiting, most = 0, 0
            for action, following in pairwise(units_in(plan.graph, program)):
                waiting += action.operation is Operation.BACKWARD_INPUT
                waiting -= action.operation is Operation.BACKWARD_WEIGHT
                if following.operation is Operation.FORWARD:
                    assert waiting <= stage * chunks
                most = max(most, waiting)
            assert most == chunks * min(microbatches, stage + 1)  # with the one that has just been added


def test_each_stage_keeps_as_many_activations_as_the_first_one_of_1f1b() -> None:
    for stages, microbatches, chunks in GRID:
        plan = plan_of("zb-h1", stages, microbatches, chunks)
        most = activations_alive(plan_of("1f1b", stages, microbatches, chunks).programs[0])
        assert most == chunks * min(microbatches, stages)
        assert [activations_alive(program) for program in plan.programs] == [most] * stages


@pytest.mark.parametrize(
    ("stages", "microbatches"), [(1, 1), (1, 5), (2, 2), (3, 8), (4, 4), (8, 8), (8, 32)]
)
def test_a_third_of_the_bubble_of_1f1b_where_all_three_take_as_long(stages: int, microbatches: int) -> None:
    """A stage waits (K - 1)(F + I - W), and (K - 1)(F + I + W) with 1F1B."""
    plan = plan_of("zb-h1", stages, microbatches)
    assert simulate(plan, THIRDS).makespan_s == 3 * microbatches + stages - 1
    whole = simulate(plan_of("1f1b", stages, microbatches), UniformCosts(1, 2)).makespan_s
    assert whole == 3 * microbatches + 3 * (stages - 1)


def test_it_is_never_slower_than_1f1b() -> None:
    for sizes in GRID:
        for latency_s in (0.0, 0.5):
            link = latency_only(latency_s)
            whole = simulate(plan_of("1f1b", *sizes), UniformCosts(1, 2), link).makespan_s
            assert simulate(plan_of("zb-h1", *sizes), THIRDS, link).makespan_s <= whole


@pytest.mark.parametrize("lone_head", [False, True])
def test_stages_that_live_in_a_part_of_time(*, lone_head: bool) -> None:
    shape = Shape(3, segments=2, lone_head=lone_head, split_backward=True)
    graph = graph_of(shape, 4, 2)
    plan = add_transfers(SCHEDULES["zb-h1"].plan(graph))
    check(plan)
    ran = units_in(graph, (span.action for span in simulate(plan, THIRDS).spans))
    assert Counter(ran) == Counter(graph.actions())


def test_zb_h1_takes_one_stage_a_device_and_a_backward_in_halves() -> None:
    graph = Graph(4, 8, device_of=(0, 1, 0, 1), split_backward=True)
    with pytest.raises(
        UsageError, match="schedule zb-h1 takes one stage a device, got 4 stages on 2 devices"
    ):
        SCHEDULES["zb-h1"].plan(graph)
    expected = "schedule zb-h1 takes a backward in two halves, got a whole one: use 1f1b"
    with pytest.raises(UsageError, match=expected):
        SCHEDULES["zb-h1"].plan(replace(graph, split_backward=False))


def test_zb_h1_puts_off_by_the_stage_wherever_that_stands() -> None:
    plan = SCHEDULES["zb-h1"].plan(Graph(2, 2, device_of=(1, 0), split_backward=True))
    assert texts(plan) == ["1F0 1I0 1F1 1I1 1W0 1W1", "0F0 0F1 0I0 0W0 0I1 0W1"]
