import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.check import check
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.schedules.reducing import reduced
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from tests.builders import PIPELINED, PROPERTY, texts
from tests.graphs import branching_graphs, shared_graphs


def test_they_stand_at_the_end_of_each_device_and_their_sum_where_the_first_stage_is() -> None:
    plan = SCHEDULES["gpipe"].plan(Graph(3, 1, clips=True))
    assert texts(plan) == ["0F0 0B0 0NORM 0TOTAL 0CLIP", "1F0 1B0 1NORM 1CLIP", "2F0 2B0 2NORM 2CLIP"]
    assert texts(add_transfers(plan)) == [
        "0F0 0SEND_F0 0RECV_B0 0B0 0NORM 0RECV_NORM<1 0RECV_NORM<2 0TOTAL 0SEND_TOTAL>1 0SEND_TOTAL>2 0CLIP",
        "1RECV_F0 1F0 1SEND_F0 1RECV_B0 1B0 1SEND_B0 1NORM 1SEND_NORM>0 1RECV_TOTAL<0 1CLIP",
        "2RECV_F0 2F0 2B0 2SEND_B0 2NORM 2SEND_NORM>0 2RECV_TOTAL<0 2CLIP",
    ]


def test_a_device_with_several_stages_has_one_share_that_goes_by_the_lowest_of_them() -> None:
    """Two devices that share the softmax: shards 2 and 3, and the loss beside the first of them."""
    plan = SCHEDULES["gpipe"].plan(graph_of(Shape(2, "all", clips=True), 1, 1))
    ends = [
        " ".join(str(action) for action in program if action.operation in REDUCTIONS)
        for program in plan.programs
    ]
    assert ends == ["0NORM 0TOTAL 0CLIP", "1NORM 1CLIP"]
    own = SCHEDULES["gpipe"].plan(graph_of(Shape(1, 2, clips=True), 1, 1))
    assert [str(program[-1]) for program in own.programs] == ["0CLIP", "1CLIP", "2CLIP"]


def test_a_lone_device_adds_up_its_own_share() -> None:
    assert texts(add_transfers(SCHEDULES["naive"].plan(Graph(1, 1, clips=True)))) == [
        "0F0 0B0 0NORM 0TOTAL 0CLIP"
    ]


def test_without_any_the_plan_is_the_plan() -> None:
    graph = Graph(3, 2)
    plan = SCHEDULES["1f1b"].plan(graph)
    assert reduced(graph, plan) is plan


@PROPERTY
@given(graph=shared_graphs, name=st.sampled_from(PIPELINED))
def test_every_device_ends_with_them_in_their_order(graph: Graph, name: str) -> None:
    assert_reduced(graph, name)


@PROPERTY
@given(graph=branching_graphs())
def test_so_it_does_whatever_stands_beside_the_chain(graph: Graph) -> None:
    assert_reduced(graph, "gpipe")


def assert_reduced(graph: Graph, name: str) -> None:
    plan = SCHEDULES[name].plan(graph)
    check(add_transfers(plan))
    for device, program in enumerate(plan.programs):
        kinds = [action.operation in REDUCTIONS for action in program]
        assert kinds == sorted(kinds)
        ends = [action for action in program if action.operation in REDUCTIONS]
        lowest = graph.stages_of(device)[0]
        expected = [op for op in REDUCTIONS if op is not REDUCTIONS[1] or device == graph.device_of[0]]
        assert ends == ([Action(operation, lowest, 0) for operation in expected] if graph.clips else [])


@pytest.mark.parametrize("name", PIPELINED)
def test_every_update_waits_for_the_last_share_and_for_the_sum_to_come_back(name: str) -> None:
    """Free work over a slow link: after the last backward, on the first device, a message back to all others."""
    without, clipped = (
        simulate(SCHEDULES[name].plan(Graph(4, 4, clips=clips)), UniformCosts(1, 2), latency_only(0.5))
        for clips in (False, True)
    )
    assert clipped.makespan_s == without.makespan_s + 0.5
    ends = {str(span.action): span.end_s for span in clipped.spans}
    assert ends["0TOTAL"] == ends["0CLIP"] == without.makespan_s
    assert [ends[f"{stage}CLIP"] for stage in (1, 2, 3)] == [clipped.makespan_s] * 3
