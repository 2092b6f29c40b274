import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import UsageError
from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import COMPUTE, Action, Operation
from pipebench.plan.cells import units_in
from pipebench.plan.check import activations_alive, check
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES, schedule_named
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.simulator import simulate
from tests.builders import GRID, PIPELINED, PROPERTY, SPLITTING, plan_of, random_costs
from tests.graphs import SHARED_GRID, branching_graphs

ANY_HALVES = UniformCosts(1, backward_input=1, backward_weight=1)  # and their sum


def test_registry_holds_each_schedule_under_its_name_with_its_defaults() -> None:
    defaults = {name: (schedule.microbatches, schedule.chunks) for name, schedule in SCHEDULES.items()}
    assert defaults == {
        "naive": (1, 1),
        "gpipe": (16, 1),
        "1f1b": (16, 1),
        "1f1b-deep": (16, 1),
        "wavefront": (4, 8),
        "zb-h1": (16, 1),
        "wavefront-zb": (2, 32),
    }
    assert all(schedule.name == name for name, schedule in SCHEDULES.items())


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_every_schedule_says_in_one_line_what_it_does(name: str) -> None:
    summary = schedule_named(name).summary
    assert summary
    assert "\n" not in summary
    assert len(summary) <= 80


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_default_sizes_are_legal(name: str) -> None:
    schedule = SCHEDULES[name]
    split = schedule.splits_backward
    check(schedule.plan(Graph(8, schedule.microbatches, schedule.chunks, split_backward=split)))


def test_an_unknown_schedule_is_refused_with_those_there_are() -> None:
    expected = re.escape(
        "unknown schedule '2f2b': expected one of naive, gpipe, 1f1b, 1f1b-deep, wavefront, zb-h1"
    )
    with pytest.raises(UsageError, match=expected):
        schedule_named("2f2b")


@pytest.mark.parametrize("name", [*PIPELINED, *SPLITTING])
def test_a_schedule_emits_compute_only(name: str) -> None:
    plan = plan_of(name, 3, 4, 2)
    assert {action.operation for program in plan.programs for action in program} <= COMPUTE


@pytest.mark.parametrize("name", [*PIPELINED, *SPLITTING])
def test_a_schedule_is_a_pure_function_of_the_graph(name: str) -> None:
    assert plan_of(name, 4, 5, 3) == plan_of(name, 4, 5, 3)


@pytest.mark.parametrize("name", [*PIPELINED, *SPLITTING])
def test_every_size_makes_a_plan_that_passes_the_check_and_does_not_deadlock(name: str) -> None:
    for sizes in GRID:
        plan = add_transfers(plan_of(name, *sizes))
        check(plan)
        ran = units_in(plan.graph, (span.action for span in simulate(plan, ANY_HALVES).spans))
        assert len(list(ran)) == len(list(plan.graph.actions()))


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_every_size_with_a_shared_softmax_passes_the_check_and_does_not_deadlock(name: str) -> None:
    """Links with ports too, where messages of several pairs wait for each other."""
    for chain, sharing, microbatches, chunks in SHARED_GRID:
        sizes = (1, 1) if name == "naive" else (microbatches, chunks)
        split = SCHEDULES[name].splits_backward
        graph = graph_of(Shape(chain, sharing, split_backward=split), *sizes)
        plan = SCHEDULES[name].plan(graph)
        assert plan.graph is graph
        with_transfers = add_transfers(plan)
        check(plan)
        check(with_transfers)
        for link in (Link(), Link(0.3)):
            timeline = simulate(with_transfers, ANY_HALVES, link)
            ran = list(units_in(graph, (span.action for span in timeline.spans)))
            assert len(ran) == len(list(graph.actions()))


@PROPERTY
@given(graph=branching_graphs(), seed=st.integers(0, 100))
def test_any_stages_beside_any_chain_pass_the_check_and_do_not_deadlock(graph: Graph, seed: int) -> None:
    plan = add_transfers(SCHEDULES["gpipe"].plan(graph))
    check(plan)
    for link in (Link(), Link(0.3), latency_only(0.3)):
        timeline = simulate(plan, random_costs(graph, seed), link)
        assert len(timeline.spans) == len(list(graph.actions()))


@pytest.mark.parametrize("name", PIPELINED)
def test_a_backward_in_halves_runs_the_weight_half_right_after_the_input_half(name: str) -> None:
    for stages, microbatches, chunks in ((1, 1, 1), (3, 4, 1), (4, 2, 3), (8, 16, 2)):
        plan = SCHEDULES[name].plan(Graph(stages, microbatches, chunks, split_backward=True))
        check(add_transfers(plan))
        for program in plan.programs:
            for index, action in enumerate(program):
                if action.operation is Operation.BACKWARD_INPUT:
                    weight = action._replace(operation=Operation.BACKWARD_WEIGHT)
                    assert program[index + 1] == weight


@pytest.mark.parametrize("name", ["gpipe", "wavefront"])
@pytest.mark.parametrize("device_of", [(0, 0, 0), (0, 1, 0, 1), (1, 0), (0, 1, 1, 0), (0, 0, 1, 1, 2)])
def test_sweeps_may_place_several_stages_on_a_device(name: str, device_of: tuple[int, ...]) -> None:
    graph = Graph(len(device_of), 3, 2, device_of=device_of)
    plan = SCHEDULES[name].plan(graph)
    check(add_transfers(plan))
    timeline = simulate(plan, UniformCosts(1, 2))
    for device, program in enumerate(plan.programs):
        assert timeline.activations_alive(device) == activations_alive(program)
        assert activations_alive(program) == 3 * 2 * len(graph.stages_of(device))


def test_the_plan_keeps_its_graph() -> None:
    graph = Graph(3, 2, 2)
    assert schedule_named("gpipe").plan(graph).graph is graph


def test_no_schedule_runs_an_action_of_another_device() -> None:
    for name in (*PIPELINED, *SPLITTING):
        for device, program in enumerate(plan_of(name, 4, 2, 2).programs):
            assert all(isinstance(action, Action) and action.stage == device for action in program)
