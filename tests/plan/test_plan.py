from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import UsageError
from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Operation, parse_action
from pipebench.plan.cells import units_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from tests.builders import GRID, PIPELINED, PROPERTY, graphs, plan_by_hand, plan_of
from tests.graphs import branching_graphs, shared_graphs


def test_text_has_one_line_a_device() -> None:
    assert plan_of("gpipe", 2, 2).text() == "0: 0F0 0F1 0B1 0B0\n1: 1F0 1F1 1B1 1B0"


def test_text_and_csv_show_chunks_where_the_graph_has_some() -> None:
    plan = plan_of("gpipe", 1, 1, 2)
    assert plan.text() == "0: 0F0.0 0F0.1 0B0.1 0B0.0"
    assert plan.csv() == "0F0.0,0F0.1,0B0.1,0B0.0\n"


def test_csv_has_one_row_a_device_and_one_action_a_cell() -> None:
    assert plan_of("1f1b", 2, 2).csv() == "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n"


def test_csv_with_transfers_names_sends_and_receives() -> None:
    plan = add_transfers(plan_of("gpipe", 2, 1))
    assert plan.csv() == "0F0,0SEND_F0,0RECV_B0,0B0\n1RECV_F0,1F0,1B0,1SEND_B0\n"


@PROPERTY
@given(graph=graphs, schedule=st.sampled_from(PIPELINED), transfers=st.booleans())
def test_a_plan_is_read_back_from_its_csv_as_it_was(graph: Graph, schedule: str, *, transfers: bool) -> None:
    plan = SCHEDULES[schedule].plan(graph)
    if transfers:
        plan = add_transfers(plan)
    assert plan_from_csv(plan.csv()) == plan


def test_a_backward_in_halves_and_stages_that_share_a_device_survive_the_csv() -> None:
    graph = Graph(4, 2, 3, device_of=(0, 1, 0, 1), split_backward=True)
    plan = SCHEDULES["gpipe"].plan(graph)
    assert plan_from_csv(plan.csv()) == plan


@PROPERTY
@given(graph=st.one_of(branching_graphs(), shared_graphs), transfers=st.booleans())
def test_a_plan_of_stages_side_by_side_is_read_back_from_its_csv_with_its_graph(
    graph: Graph, *, transfers: bool
) -> None:
    plan = SCHEDULES["gpipe"].plan(graph)
    if transfers:
        plan = add_transfers(plan)
    assert plan_from_csv(plan.csv(), graph) == plan


def test_a_csv_with_other_ends_names_them() -> None:
    plan = add_transfers(SCHEDULES["gpipe"].plan(graph_of(Shape(1, 2), 1, 1)))
    assert plan.csv().splitlines()[0] == "0F0,0SEND_F0,0SEND_F0>2,0RECV_B0,0RECV_B0<2,0B0"


def test_torch_misreads_stages_side_by_side_and_chunks_and_nothing_else() -> None:
    def misread(graph: Graph) -> str:
        return SCHEDULES["gpipe"].plan(graph).misread_by_torch() or ""

    assert misread(Graph(3, 2)) == ""
    assert "would read 0F0.0 as 0F0" in misread(Graph(3, 2, 2))
    assert "would read stage 3, a piece of the softmax" in misread(graph_of(Shape(3, "all"), 2, 1))


def test_torch_drops_all_but_the_first_microbatch_of_a_cell_at_any_number_of_chunks() -> None:
    from torch.distributed.pipelining.schedules import _Action

    plan = SCHEDULES["wavefront-zb"].plan(Graph(2, 4, 1, split_backward=True))
    assert "1W0-3" in plan.csv()
    assert str(_Action.from_str("1W0-3")) == "1W0"
    told = plan.misread_by_torch() or ""
    cell = next(a for program in plan.programs for a in program if a.slices > 1)
    text, units = plan.graph.text(cell), [plan.graph.text(unit) for unit in units_of(plan.graph, cell)]
    assert f"would read {text} as {units[0]}, and drop the rest" in told
    assert f"write such a cell as its slices for it, here {','.join(units)}" in told
    assert [str(_Action.from_str(unit)) for unit in units] == units
    assert "--chunks" not in told


def test_one_chunk_alone_is_no_advice_where_a_plan_has_cells_too() -> None:
    told = SCHEDULES["wavefront-zb"].plan(Graph(2, 2, 4, split_backward=True)).misread_by_torch() or ""
    assert "has no chunks" in told
    assert "has no cells of several slices" in told
    assert "another --schedule with --chunks 1" in told


def test_cells_are_named_where_the_softmax_is_shared_too() -> None:
    graph = graph_of(Shape(2, "all"), 4, 1)
    told = SCHEDULES["wavefront-zb"].plan(replace(graph, split_backward=True)).misread_by_torch() or ""
    assert "only knows stages in a chain" in told
    assert "has no cells of several slices" in told


def test_empty_cells_are_idle_slots_and_carry_no_meaning() -> None:
    plan = plan_from_csv("0F0,0F1,,,0B0,0B1\n ,1F0, 1B0 ,1F1,1B1,\n")
    assert plan == plan_by_hand(Graph(2, 2), "0F0 0F1 0B0 0B1", "1F0 1B0 1F1 1B1")


def test_rows_may_end_as_windows_and_the_csv_standard_have_it() -> None:
    assert plan_from_csv("0F0,0B0\r\n1F0,1B0\r\n") == plan_from_csv("0F0,0B0\n1F0,1B0\n")


def test_the_graph_of_a_csv_follows_from_its_actions() -> None:
    graph = plan_from_csv("0F0.0,2F1.3,2I0.0,0W0.0\n1F0.0\n").graph
    assert graph == Graph(3, 2, 4, device_of=(0, 1, 0), split_backward=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0F0,0B0\n1F0,1X0\n", "plan CSV, row 2: expected an action such as 2F0.*got '1X0'"),
        ("0F0,0B0\n0F1,0B1\n", "stage 0 stands in rows 1 and 2; a stage runs on one device"),
        ("0F0,0B0\n2F0,2B0\n", "no action of stage 1, though stage 2 is there"),
        ("0F0,0B0\n\n1F0,1B0\n", "devices must be 0, 1, 2, ... without gaps"),
        ("0F0,0B\r0", "plan CSV"),
        (f"0F{'9' * 5000},0B0", "plan CSV"),
        ("0F0," + "x" * 200_000, "plan CSV"),
        ("", "expected at least one action such as 0F0, found none"),
        (",,\n,,\n", "expected at least one action such as 0F0, found none"),
    ],
    ids=lambda value: value[:40],
)
def test_a_csv_that_is_no_plan_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_from_csv(text)


def test_one_device_needs_no_transfers() -> None:
    assert not add_transfers(plan_of("gpipe", 1, 4)).has_transfers


def test_a_plan_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        plan_of("gpipe", 1, 1).programs = ()  # type: ignore[misc]


def test_torch_reads_and_writes_the_same_text_and_csv(tmp_path: Path) -> None:
    from torch.distributed.pipelining import schedules as torch_schedules

    for operation in Operation:
        if operation.value.endswith(("NORM", "TOTAL", "CLIP")):  # torch has none of them
            continue
        text = f"3{operation.value}12"
        assert str(torch_schedules._Action.from_str(text)) == text == str(parse_action(text))
    compared = 0
    for stages, microbatches, _ in GRID[:: len(GRID) // 12]:
        for schedule in ("gpipe", "1f1b"):
            plan = plan_of(schedule, stages, microbatches)
            assert _through_torch(torch_schedules, plan, tmp_path) == plan
            compared += 1
    assert compared >= 24


def _through_torch(torch_schedules: object, plan: Plan, folder: Path) -> Plan:
    """Load a plan's CSV with torch, which checks it, have torch write it, and read that."""
    ours, theirs = folder / "ours.csv", folder / "theirs.csv"
    ours.write_text(plan.csv())
    schedule = torch_schedules.PipelineScheduleMulti.__new__(torch_schedules.PipelineScheduleMulti)
    schedule.pp_group_size = plan.graph.devices
    schedule._num_stages = plan.graph.stages
    schedule._n_microbatches = plan.graph.microbatches
    schedule._stages, schedule.pipeline_order = [], {}
    schedule._load_csv(ours)
    schedule._dump_csv(theirs)
    assert schedule.stage_index_to_group_rank == dict(enumerate(plan.graph.device_of))
    programs = [
        [torch_schedules._Action.from_str(plan.graph.text(action)) for action in row]
        for row in add_transfers(plan).programs
    ]
    stuck_if_it_raises = torch_schedules._simulate_comms_compute(
        dict(enumerate(programs)), lambda stage: plan.graph.device_of[stage], plan.graph.stages
    )
    assert len(stuck_if_it_raises) == plan.graph.devices
    with theirs.open(newline="") as file:
        return plan_from_csv(file.read())
