import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan.actions import REDUCTIONS, Action, Operation, parse_action
from pipebench.plan.graph import Graph
from pipebench.timing.means import alike, by_slice, even, stage_means
from tests.builders import PROPERTY, graphs, random_costs
from tests.cells import PLANS, costs_of

F, W = Operation.FORWARD, Operation.BACKWARD_WEIGHT


def lengths(graph: Graph, **special: float) -> dict[Action, float]:
    return dict.fromkeys(graph.actions(), 1.0) | {parse_action(name[1:]): s for name, s in special.items()}


def test_a_stage_has_the_mean_of_its_slices_by_operation() -> None:
    graph = Graph(2, 3)
    found = even(graph, lengths(graph, _0F1=4.0, _1B0=7.0))
    assert [found[Action(F, 0, m)] for m in range(3)] == [2.0] * 3
    assert [found[Action(Operation.BACKWARD, 1, m)] for m in range(3)] == [3.0] * 3
    assert found[Action(F, 1, 0)] == 1.0


def test_a_slice_takes_what_all_stages_say_of_it_and_what_one_alone_says_is_left_out() -> None:
    graph = Graph(2, 3)
    found = by_slice(graph, lengths(graph, _0F2=4.0, _1F0=4.0, _1F1=4.0, _1F2=4.0))
    # stages' means 2 and 4; slice 2 took 8 of 6, the others 5 of 6
    assert found[Action(F, 0, 2)] == pytest.approx(2 * 8 / 6)
    assert found[Action(F, 1, 2)] == pytest.approx(4 * 8 / 6)
    assert found[Action(F, 0, 0)] == pytest.approx(2 * 5 / 6)
    assert found[Action(F, 1, 1)] == pytest.approx(4 * 5 / 6)


def test_segments_of_time_have_means_of_their_own() -> None:
    graph = Graph(1, 1, 4, segments=2)
    found = stage_means(graph, lengths(graph, _0F0=3.0, **{"_0F0.3": 9.0}))
    assert found[F, 0, 0] == 2.0
    assert found[F, 0, 1] == 5.0


def test_devices_made_alike_have_equal_stages_of_the_chain() -> None:
    graph = Graph(3, 2, device_of=(0, 0, 1))
    recorded = lengths(graph, _0F0=1.0, _0F1=1.0, _1F0=2.0, _1F1=4.0, _2F0=7.0, _2F1=9.0)
    found = alike(graph, recorded)
    made = [[found[Action(F, stage, each)] for each in range(2)] for stage in range(3)]
    assert made == [
        pytest.approx([3.0, 3.0]),  # half of 12, which is half of all
        pytest.approx([2.0, 4.0]),  # slices of a stage stay as they were to each other
        pytest.approx([5.25, 6.75]),
    ]


def test_devices_made_alike_keep_their_shares_of_a_shared_softmax() -> None:
    graph = Graph(5, 1, device_of=(0, 1, 0, 1, 0), feeds=((1,), (2, 3), (4,), (4,), ()), chain=2)
    found = alike(graph, lengths(graph, _0F0=2.0, _1F0=4.0, _2F0=1.0, _3F0=1.0, _4F0=2.0))
    assert [found[Action(F, stage, 0)] for stage in range(5)] == pytest.approx([2.0, 4.0, 1.0, 1.0, 2.0])


def test_a_device_without_any_length_gets_the_mean() -> None:
    graph = Graph(2, 2)
    found = alike(graph, lengths(graph, _0B0=0.0, _0B1=0.0, _1B0=3.0, _1B1=1.0))
    assert [found[Action(Operation.BACKWARD, 0, m)] for m in range(2)] == pytest.approx([1.0, 1.0])
    assert [found[Action(Operation.BACKWARD, 1, m)] for m in range(2)] == pytest.approx([1.5, 0.5])


@PROPERTY
@given(graphs, st.integers(0, 100))
def test_each_keeps_the_sum_of_all_lengths(graph: Graph, seed: int) -> None:
    recorded = random_costs(graph, seed).actions
    whole = sum(recorded.values())
    for made in (even(graph, recorded), by_slice(graph, recorded), alike(graph, recorded)):
        assert made.keys() == recorded.keys()
        assert sum(made.values()) == pytest.approx(whole, rel=1e-12)


def test_what_is_of_no_slice_stays() -> None:
    graph = Graph(2, 2, clips=True)
    recorded = random_costs(graph, 3).actions
    for made in (even(graph, recorded), by_slice(graph, recorded), alike(graph, recorded)):
        assert all(made[a] == recorded[a] for a in recorded if a.operation in REDUCTIONS)


def test_a_cell_counts_as_so_many_slices() -> None:
    graph = Graph(1, 1, 4, split_backward=True)
    recorded = {action: 1.0 for action in graph.actions() if action.operation is not W}
    recorded |= {parse_action("0W0.0-2"): 3.0, parse_action("0W0.3"): 5.0}
    found = even(graph, recorded)
    assert stage_means(graph, recorded)[W, 0, 0] == 2.0
    assert (found[parse_action("0W0.0-2")], found[parse_action("0W0.3")]) == (6.0, 2.0)


def test_a_cell_of_two_segments_has_the_mean_of_each() -> None:
    graph = Graph(1, 1, 4, segments=2, split_backward=True)
    recorded = {action: 1.0 for action in graph.actions() if action.operation is not W}
    recorded |= {parse_action("0W0.0"): 3.0, parse_action("0W0.1-2"): 10.0, parse_action("0W0.3"): 7.0}
    assert even(graph, recorded)[parse_action("0W0.1-2")] == 4.0 + 6.0  # of 3 and 5, of 5 and 7


def test_cells_of_the_same_slices_are_alike_by_slice_as_units_are() -> None:
    graph = Graph(2, 2, 2, split_backward=True)
    recorded = {action: 1.0 for action in graph.actions() if action.operation is not W}
    cells = {"0W0.0-1": 2.0, "0W1.0-1": 6.0, "1W0.0-1": 6.0, "1W1.0-1": 6.0}
    recorded |= {parse_action(text): each_s for text, each_s in cells.items()}
    found = by_slice(graph, recorded)
    # stages' means are 4 and 6; microbatch 0 took 8 of 10 and microbatch 1 took 12
    assert {text: found[parse_action(text)] for text in cells} == pytest.approx(
        {"0W0.0-1": 4 * 0.8, "0W1.0-1": 4 * 1.2, "1W0.0-1": 6 * 0.8, "1W1.0-1": 6 * 1.2}
    )


def test_devices_are_alike_in_their_whole_backward_where_some_run_it_in_halves() -> None:
    graph = Graph(2, 1, split_backward=True)
    recorded = {
        parse_action(text): s
        for text, s in {"0F0": 1.0, "1F0": 1.0, "0B0": 6.0, "1I0": 3.0, "1W0": 1.0}.items()
    }
    found = {str(action): each_s for action, each_s in alike(graph, recorded).items()}
    assert found == {"0F0": 1.0, "1F0": 1.0, "0B0": 5.0, "1I0": 3.75, "1W0": 1.25}


@pytest.mark.parametrize("name", PLANS)
def test_each_keeps_the_sum_of_all_cells(name: str) -> None:
    graph, recorded = PLANS[name].graph, costs_of(PLANS[name], seed=4).actions
    for made in (even(graph, recorded), by_slice(graph, recorded), alike(graph, recorded)):
        assert made.keys() == recorded.keys()
        assert sum(made.values()) == pytest.approx(sum(recorded.values()), rel=1e-12)
