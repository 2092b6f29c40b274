"""Cells: which units they are, what they need, and plans that have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import UsageError
from pipebench.plan.actions import Action, Operation, parse_action
from pipebench.plan.cells import inputs_of_cell, resolved, units_of
from pipebench.plan.check import PlanError, activations_alive, check, weights_waiting
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, plan_from_csv
from pipebench.plan.transfers import add_transfers
from tests.builders import PROPERTY
from tests.plan.oracle import messages_to

F, B = Operation.FORWARD, Operation.BACKWARD
I, W = Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT  # noqa: E741 - the field's letter
SPLIT = Graph(2, 2, 4, split_backward=True)


def texts(graph: Graph, actions: list[Action]) -> str:
    return " ".join(map(graph.text, actions))


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1F0.2", "1F0.2"),
        ("1F0.1-3", "1F0.1 1F0.2 1F0.3"),
        ("1I1.1-3", "1I1.3 1I1.2 1I1.1"),
        ("1W0-1.*", "1W0.3 1W0.2 1W0.1 1W0.0 1W1.3 1W1.2 1W1.1 1W1.0"),
        ("1W0-1.2-3", "1W0.3 1W0.2 1W1.3 1W1.2"),
        ("0B1.2", "0I1.2 0W1.2"),
        ("0B1.2-3", "0I1.3 0I1.2 0W1.3 0W1.2"),
    ],
)
def test_a_cell_is_its_units_in_the_order_in_which_they_run(text: str, units: str) -> None:
    cell = resolved(SPLIT, parse_action(text))
    assert SPLIT.text(cell) == text
    assert texts(SPLIT, units_of(SPLIT, cell)) == units


def test_a_whole_backward_is_a_unit_where_no_backward_is_split() -> None:
    assert units_of(Graph(1, 1), Action(B, 0, 0)) == [Action(B, 0, 0)]


def test_a_stage_that_does_not_live_in_a_chunk_has_no_unit_there() -> None:
    graph = Graph(2, 1, 4, segments=2, lives=((0, 1), (1,)), split_backward=True)
    assert texts(graph, units_of(graph, Action(W, 1, 0, 0, chunks=4))) == "1W0.3 1W0.2"
    assert texts(graph, units_of(graph, Action(F, 1, 0, 0, chunks=4))) == "1F0.2 1F0.3"


@given(
    *(st.integers(1, 4) for _ in range(4)),
    *(st.integers(0, 3) for _ in range(2)),
    st.sampled_from([F, I, W]),
)
@PROPERTY
def test_every_cell_is_read_back_as_it_was_written(
    more: int, long: int, microbatches: int, chunks: int, microbatch: int, chunk: int, operation: Operation
) -> None:
    graph = Graph(3, microbatch + microbatches + more - 1, chunk + chunks + long - 1, split_backward=True)
    cell = Action(operation, 2, microbatch, chunk, None, microbatches, chunks)
    assert resolved(graph, parse_action(graph.text(cell))) == cell


@pytest.mark.parametrize(
    "text", ["2W3-1", "2W0.7-3", "2W0-", "2W-1", "2W0.*-3", "2SEND_F0-1", "2W0.**", "3NORM0-1"]
)
def test_what_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected an action such as"):
        parse_action(text)


@pytest.mark.parametrize("text", ["0W0-2.*", "0W1.2-4", "2W0.0-1", "0W0-999999999.*"])
def test_a_cell_of_slices_that_are_not_there_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected slices of 2 stages, 2 microbatches and 4 chunks"):
        plan_from_csv(f"0F0.0,{text}\n", SPLIT)


def test_a_cell_needs_what_its_units_need_of_others() -> None:
    assert texts(SPLIT, inputs_of_cell(SPLIT, Action(F, 1, 0, 1, chunks=2))) == "0F0.1 1F0.0 0F0.2"
    assert texts(SPLIT, inputs_of_cell(SPLIT, Action(B, 0, 0, 3))) == "0F0.3 1I0.3"
    messages = messages_to(SPLIT, Action(F, 1, 0, 1, chunks=2))
    assert [(str(m.producer), str(m.consumer)) for m in messages] == [("0F0.1", "1F0.1"), ("0F0.2", "1F0.2")]


CSV = """0F0.0,0F0.1,0F0.2,0F0.3,0F1.0,0F1.1,0F1.2,0F1.3,0B0.3,0B0.2,0I0.1,0I0.0,0I1.0-3,0W0.0-1,0W1.*
1F0.0-1,1F0.2-3,1I0.2-3,1I0.0-1,1F1.0-3,1I1.0-3,1W0-1.*
"""


def plan() -> Plan:
    return plan_from_csv(CSV.replace("0W1.*", "0W1.0-3"))


def test_a_plan_of_cells_is_read_written_and_checked() -> None:
    made = plan()
    assert made.graph == Graph(2, 2, 4, split_backward=True)
    assert made.csv() == CSV.replace("0W1.*", "0W1.0-3")
    check(made)
    check(add_transfers(made))


def test_transfers_stand_around_cells() -> None:
    programs = add_transfers(plan()).text().splitlines()
    assert programs[1].startswith(
        "1: 1RECV_F0.0 1RECV_F0.1 1F0.0-1 1RECV_F0.2 1RECV_F0.3 1F0.2-3 1I0.2-3 1SEND_B0.3 1SEND_B0.2"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0W0.0-1,", "", "device 0 does not run 0W0.0"),
        ("0W0.0-1", "0W0.0-2", "device 0 runs more than once: 0W0.2"),
        ("0I0.1,0I0.0,", "0W0.0-1,0I0.1,0I0.0,", "device 0 runs more than once"),
        ("0I0.1,0I0.0,0I1.0-3,0W0.0-1", "0W0.0-1,0I0.1,0I0.0,0I1.0-3", "device 0 runs 0W0.1 before 0I0.1"),
        ("1F0.2-3,1I0.2-3", "1I0.2-3,1F0.2-3", "device 1 runs 1I0.3 before 1F0.3"),
    ],
)
def test_a_plan_of_cells_that_is_wrong_is_named(old: str, new: str, message: str) -> None:
    assert old in CSV
    with pytest.raises(PlanError, match=message):
        check(plan_from_csv(CSV.replace(old, new).replace("0W1.*", "0W1.0-3")))


def test_what_is_alive_and_what_waits_counts_slices() -> None:
    program = plan().programs[1]
    assert activations_alive(program) == 8
    assert weights_waiting(program) == 8
    assert weights_waiting(plan().programs[0]) == 6
