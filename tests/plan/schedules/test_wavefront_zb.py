"""Orders of whole graphs: sound, always the same, within limits, and near what is the least there can be."""

from dataclasses import replace
from functools import cache
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipebench.errors import UsageError
from pipebench.models.layout import Shape, Sharing, graph_of
from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import units_of
from pipebench.plan.check import activations_alive, check
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, OrderCosts
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.schedules.wavefront_zb import wavefront_zb
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import PROPERTY
from tests.orders import cost_of, in_units, message_s, random_order_costs, split, split_graphs

FEW = settings(PROPERTY, max_examples=10)


def simulated(plan: Plan, costs: OrderCosts) -> Timeline:
    graph = plan.graph
    cells = [cell for program in plan.programs for cell in program]
    return simulate(
        plan,
        MeasuredCosts({cell: cost_of(costs, cell, len(units_of(graph, cell))) for cell in cells}),
        Link(bytes_per_s=1.0),
        message_bytes=lambda message: message_s(costs, message.producer),
    )


def least_s(graph: Graph, costs: OrderCosts) -> float:
    """What no order can be faster than: a device waits for its first input and then works, with one cell of W."""
    slices = graph.microbatches * graph.chunks
    ways = accumulate(
        (costs.forward[s].of(1) + costs.forward_message_s[s] for s in range(graph.chain)), initial=0.0
    )
    starts = dict(enumerate(ways))
    ends = []
    for device in range(graph.chain):
        work = 0.0
        for stage in graph.stages_of(device):
            for table in (costs.forward, costs.backward_input, costs.backward_weight):
                calls = slices if stage < graph.chain and table is not costs.backward_weight else 1
                work += calls * table[stage].call_s + slices * table[stage].slice_s
        ends.append(starts[device] + work)
    return max(ends)


def measured(sharing: Sharing = None, *, call_ms: float = 1.5) -> tuple[Graph, OrderCosts]:
    """8 layers of an LSTM on as many devices, 2 microbatches of 32 chunks, in milliseconds."""
    graph = split(graph_of(Shape(8, sharing), 2, 32))
    beyond = graph.stages - 8
    if not beyond:
        backward = (*(CellCost(1.18),) * 7, CellCost(1.45))
        forward = (*(CellCost(1.17),) * 7, CellCost(1.45))
        weight = (*(CellCost(1.25, call_ms),) * 7, CellCost(1.5, call_ms))
        return graph, OrderCosts(forward, backward, weight, (0.088,) * 8, (0.088,) * 8)
    shards = (*(CellCost(0.04, 0.05),) * 8, CellCost(0.02, 0.05))
    weights = (*(CellCost(0.04, 0.02),) * 8, CellCost(0.0))
    return graph, OrderCosts(
        (*(CellCost(1.17),) * 8, *shards),
        (*(CellCost(1.18),) * 8, *shards),
        (*(CellCost(1.25, call_ms),) * 8, *weights),
        (*(0.088,) * 8, *(0.04,) * 9),
        (*(0.088,) * 16, 0.04),
    )


@cache
def shared_plan() -> Plan:
    return SCHEDULES["wavefront-zb"].plan(*measured("all"))


def test_8_devices_with_a_shared_softmax_rest_about_3_percent_of_the_time() -> None:
    """1.8 of them for the way of the first forward; most of the rest since one device has the loss beside its share."""
    graph, costs = measured("all")
    timeline = simulated(shared_plan(), costs)
    assert timeline.bubble_fraction <= 0.0305
    assert timeline.makespan_s <= 1.017 * least_s(graph, costs)


def test_a_longer_last_stage_works_from_its_first_input_to_the_end() -> None:
    graph, costs = measured()
    timeline = simulated(SCHEDULES["wavefront-zb"].plan(graph, costs), costs)
    assert timeline.makespan_s == pytest.approx(least_s(graph, costs), rel=1e-3)


def test_the_weights_are_few_cells() -> None:
    """A cell costs more than a slice, so most slices run in a large one."""
    for device, program in enumerate(shared_plan().programs):
        sizes = [a.slices for a in program if a.operation is Operation.BACKWARD_WEIGHT and a.stage == device]
        assert sum(sizes) == 64
        assert sum(size for size in sizes if size >= 8) >= 40


def test_without_a_fixed_cost_of_cells_too_it_is_near_the_least() -> None:
    graph, costs = measured("all", call_ms=0.0)
    assert simulated(wavefront_zb(graph, costs), costs).makespan_s <= 1.015 * least_s(graph, costs)


@FEW
@given(split_graphs, st.integers(0, 100), st.booleans())
def test_any_graph_is_ordered_soundly_and_always_alike(graph: Graph, seed: int, known: bool) -> None:
    costs = random_order_costs(graph, seed) if known else None
    plan = SCHEDULES["wavefront-zb"].plan(graph, costs)
    assert plan.graph == graph
    assert SCHEDULES["wavefront-zb"].plan(graph, costs) == plan
    check(add_transfers(plan))
    check(add_transfers(in_units(plan)))


@FEW
@given(st.data(), split_graphs, st.integers(0, 100))
def test_limits_are_kept_on_each_stage_of_the_chain(data: st.DataObject, graph: Graph, seed: int) -> None:
    row = max(len(graph.chunks_of(stage)) for stage in range(graph.chain))
    alive, waiting = data.draw(st.integers(row, 2 * row)), data.draw(st.integers(1, 4))
    plan = in_units(
        wavefront_zb(graph, random_order_costs(graph, seed), most_alive=alive, most_waiting=waiting)
    )
    check(add_transfers(plan))
    for stage in range(graph.chain):
        program = [action for action in plan.program(graph.device_of[stage]) if action.stage == stage]
        assert activations_alive(program) <= alive
        done = accumulate(
            (a.operation is Operation.BACKWARD_INPUT) - (a.operation is Operation.BACKWARD_WEIGHT)
            for a in program
        )
        assert max(done) <= waiting


def test_reductions_stand_at_the_end_of_each_device() -> None:
    graph = replace(split(graph_of(Shape(2, "all"), 2, 2)), clips=True)
    plan = SCHEDULES["wavefront-zb"].plan(graph)
    check(add_transfers(plan))
    assert [program[-1] for program in plan.programs] == [Action(Operation.CLIP, d, 0) for d in (0, 1)]


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"most_alive": 3}, "most-alive: expected at least 4 slices, all chunks of one microbatch, got 3"),
        ({"most_waiting": 0}, "--most-waiting: expected at least 1 slice between I and W, got 0"),
    ],
)
def test_limits_that_no_order_can_keep_are_refused(limits: dict[str, int], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        wavefront_zb(Graph(2, 2, 4, split_backward=True), **limits)


def test_a_whole_backward_and_costs_of_another_graph_are_refused() -> None:
    with pytest.raises(UsageError, match="two halves, got a whole one"):
        wavefront_zb(Graph(2, 2, 4))
    graph = Graph(2, 2, 4, split_backward=True)
    with pytest.raises(UsageError, match="expected costs of 2 stages"):
        wavefront_zb(graph, random_order_costs(Graph(3, 1), 0))


def test_a_row_of_microbatches_without_chunks_has_weights_in_its_pauses() -> None:
    """Not slower than 1F1B with the same work, which has a pause for each stage below."""
    graph = Graph(4, 8, split_backward=True)
    cells, messages = (CellCost(1.0),) * 4, (0.0,) * 4
    costs = OrderCosts(cells, cells, cells, messages, messages)
    ends = simulated(wavefront_zb(graph, costs), costs).makespan_s
    assert ends <= 3 * 8 + 4  # 1F1B: 3 (8 + 3)
