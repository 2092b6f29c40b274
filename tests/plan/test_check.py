import pytest

from pipebench.errors import UsageError
from pipebench.models.layout import Shape, graph_of
from pipebench.plan.check import PlanError, activations_alive, check
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from tests.builders import GRID, PIPELINED, plan_by_hand, plan_of, program

TWO = Graph(2, 1)
GOOD = ("0F0 0SEND_F0 0RECV_B0 0B0", "1RECV_F0 1F0 1B0 1SEND_B0")


def refused(plan: Plan) -> str:
    """The text with which the check refuses a plan."""
    with pytest.raises(PlanError) as caught:
        check(plan)
    return str(caught.value)


@pytest.mark.parametrize("schedule", PIPELINED)
def test_every_schedule_passes_with_and_without_transfers(schedule: str) -> None:
    for sizes in GRID[:: len(GRID) // 80]:
        plan = plan_of(schedule, *sizes)
        check(plan)
        check(add_transfers(plan))


def test_a_plan_by_hand_passes() -> None:
    check(plan_by_hand(TWO, *GOOD))
    check(plan_from_csv("0F0,0F1,,0B0,0B1\n1F0,1B0,1F1,1B1\n"))


def test_a_plan_error_is_a_usage_error() -> None:
    assert issubclass(PlanError, UsageError)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("0F0 0B0", "1F0"), "device 1 does not run 1B0"),
        (("0B0", "1F0 1B0"), "device 0 does not run 0F0"),
        (("0F0 0B0 0F1", "1F0 1B0"), "device 0 runs what is not its own: 0F1"),
        (("0F0 0B0", "1F0 0F0 1B0"), "device 1 runs what is not its own: 0F0"),
        (("0F0 0I0 0B0", "1F0 1B0"), "device 0 runs what is not its own: 0I0"),
        (("0F0 0B0 0B0", "1F0 1B0"), "device 0 runs more than once: 0B0"),
        (("0F0 0B0", "1F0 1F0 1B0"), "device 1 runs more than once: 1F0"),
        (("0F0 0B0", "1B0 1F0"), "device 1 runs 1B0 before 1F0, which it needs"),
        (("0B0 0F0", "1F0 1B0"), "device 0 runs 0B0 before 0F0, which it needs"),
        (("0F0 0B0",), "expected a program for each of 2 devices, got 1"),
        (("0F0 0B0", "1F0 1B0", ""), "expected a program for each of 2 devices, got 3"),
    ],
)
def test_what_is_missing_foreign_repeated_or_early_is_named(rows: tuple[str, ...], message: str) -> None:
    assert refused(plan_by_hand(TWO, *rows)) == message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0F0.1 0F0.0 0B0.1 0B0.0", "device 0 runs 0F0.1 before 0F0.0, which it needs"),
        ("0F0.0 0F0.1 0B0.0 0B0.1", "device 0 runs 0B0.0 before 0B0.1, which it needs"),
        ("0F0.0 0B0.0 0F0.1 0B0.1", "device 0 runs 0B0.0 before 0B0.1, which it needs"),
    ],
)
def test_chunks_run_forward_in_time_and_backward_against_it(row: str, message: str) -> None:
    assert refused(plan_by_hand(Graph(1, 1, 2), row)) == message


def test_a_weight_gradient_stands_after_its_input_gradient() -> None:
    graph = Graph(1, 1, split_backward=True)
    assert refused(plan_by_hand(graph, "0F0 0W0 0I0")) == "device 0 runs 0W0 before 0I0, which it needs"
    check(plan_by_hand(graph, "0F0 0I0 0W0"))


def test_order_between_stages_of_one_device_is_checked() -> None:
    graph = Graph(2, 1, device_of=(0, 0))
    assert refused(plan_by_hand(graph, "1F0 0F0 1B0 0B0")).startswith("device 0 runs 1F0 before 0F0")
    assert refused(plan_by_hand(graph, "0F0 1F0 0B0 1B0")).startswith("device 0 runs 0B0 before 1B0")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("0SEND_F0 0F0 0RECV_B0 0B0", GOOD[1]), "device 0 runs 0SEND_F0 before 0F0, which it needs"),
        ((GOOD[0], "1F0 1RECV_F0 1B0 1SEND_B0"), "device 1 runs 1F0 before 1RECV_F0, which it needs"),
        ((GOOD[0], "1RECV_F0 1F0 1SEND_B0 1B0"), "device 1 runs 1SEND_B0 before 1B0, which it needs"),
        (("0F0 0SEND_F0 0B0 0RECV_B0", GOOD[1]), "device 0 runs 0B0 before 0RECV_B0, which it needs"),
        (("0F0 0SEND_F0 0SEND_B0 0RECV_B0 0B0", GOOD[1]), "device 0 has no use for 0SEND_B0"),
        ((GOOD[0], "1RECV_F0 1F0 1SEND_F0 1B0 1SEND_B0"), "device 1 has no use for 1SEND_F0"),
        ((GOOD[0], "1RECV_F0 1RECV_F3 1F0 1B0 1SEND_B0"), "device 1 has no use for 1RECV_F3"),
        (("0F0 0RECV_B0 0B0", f"0SEND_F0 {GOOD[1]}"), "device 1 has no use for 0SEND_F0"),
        ((f"1RECV_F0 {GOOD[0]}", "1F0 1B0 1SEND_B0"), "device 0 has no use for 1RECV_F0"),
    ],
)
def test_a_transfer_in_the_wrong_place_is_named(rows: tuple[str, ...], message: str) -> None:
    assert refused(plan_by_hand(TWO, *rows)) == message


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("0F0 0RECV_B0 0B0", GOOD[1]), "device 0 to 1: expected 1 sends, each once, got 0"),
        ((GOOD[0], "1F0 1B0 1SEND_B0"), "device 0 to 1: expected 1 receives, each once, got 0"),
        ((GOOD[0], "1RECV_F0 1F0 1B0"), "device 1 to 0: expected 1 sends, each once, got 0"),
        (("0F0 0SEND_F0 0B0", GOOD[1]), "device 1 to 0: expected 1 receives, each once, got 0"),
        (
            ("0F0 0SEND_F0 0SEND_F0 0RECV_B0 0B0", GOOD[1]),
            "device 0 to 1: expected 1 sends, each once, got 2",
        ),
        (
            (GOOD[0], "1RECV_F0 1RECV_F0 1F0 1B0 1SEND_B0"),
            "device 0 to 1: expected 1 receives, each once, got 2",
        ),
    ],
)
def test_a_missing_or_repeated_transfer_is_named_with_both_ends(rows: tuple[str, ...], message: str) -> None:
    text = refused(plan_by_hand(TWO, *rows))
    assert text.startswith(message)
    ends = ("0SEND_F0", "1RECV_F0") if "0 to 1" in message else ("1SEND_B0", "0RECV_B0")
    assert text.endswith(f"look at {ends[0]} and {ends[1]}")


def test_ends_that_keep_different_orders_are_named() -> None:
    sender = "0F0 0SEND_F0 0F1 0SEND_F1 0RECV_B0 0B0 0RECV_B1 0B1"
    receiver = "1RECV_F1 1RECV_F0 1F0 1B0 1SEND_B0 1F1 1B1 1SEND_B1"
    assert refused(plan_by_hand(Graph(2, 2), sender, receiver)) == (
        "device 0 sends 0SEND_F0 where device 1 expects 1RECV_F1: both ends must keep one order"
    )


# Stage 0 has the layers and feeds two shards; the loss stands on the first shard's device.
SHARED = graph_of(Shape(1, 2), 1, 1)
SHARED_ROWS = (
    "0F0 0SEND_F0 0SEND_F0>2 0RECV_B0 0RECV_B0<2 0B0",
    "1RECV_F0 1F0 3RECV_F0 3F0 3B0 3SEND_B0 1B0 1SEND_B0",
    "2RECV_F0<0 2F0 2SEND_F0 2RECV_B0 2B0 2SEND_B0>0",
)


def test_a_plan_by_hand_with_fan_out_passes() -> None:
    check(plan_by_hand(SHARED, *SHARED_ROWS))
    sends_swapped = (
        "0F0 0SEND_F0>2 0SEND_F0 0RECV_B0<2 0RECV_B0 0B0"  # to two devices: each has an order of its own
    )
    check(plan_by_hand(SHARED, sends_swapped, *SHARED_ROWS[1:]))


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            " 0SEND_F0>2",
            "",
            "device 0 to 2: expected 1 sends, each once, got 0; look at 0SEND_F0>2 and 2RECV_F0<0",
        ),
        (
            " 0SEND_F0 ",
            " ",
            "device 0 to 1: expected 1 sends, each once, got 0; look at 0SEND_F0 and 1RECV_F0",
        ),
        ("0SEND_F0 0SEND_F0>2", "0SEND_F0 0SEND_F0", "device 0 to 1: expected 1 sends, each once, got 2"),
        ("0SEND_F0>2", "0SEND_F0>3", "device 0 has no use for 0SEND_F0>3"),
        ("0RECV_B0<2 0B0", "0B0 0RECV_B0<2", "device 0 runs 0B0 before 0RECV_B0<2, which it needs"),
        (
            " 0RECV_B0<2",
            "",
            "device 2 to 0: expected 1 receives, each once, got 0; look at 2SEND_B0>0 and 0RECV_B0<2",
        ),
        ("2RECV_F0<0 2F0", "2F0 2RECV_F0<0", "device 2 runs 2F0 before 2RECV_F0<0, which it needs"),
        ("2B0 2SEND_B0>0", "2SEND_B0>0 2B0", "device 2 runs 2SEND_B0>0 before 2B0, which it needs"),
        (
            "1RECV_F0 1F0 3RECV_F0 3F0",
            "3RECV_F0 3F0 1RECV_F0 1F0",
            "device 1 runs 3F0 before 1F0, which it needs",
        ),
        ("3F0 3B0 3SEND_B0 1B0", "3F0 1B0 3B0 3SEND_B0", "device 1 runs 1B0 before 3B0, which it needs"),
        ("3F0 3B0", "3F0", "device 1 does not run 3B0"),
        ("3F0 3B0", "3F0 3B0 3B0", "device 1 runs more than once: 3B0"),
        ("2F0 2SEND_F0", "2F0 3F0 2SEND_F0", "device 2 runs what is not its own: 3F0"),
    ],
)
def test_what_is_wrong_beside_the_chain_is_named(right: str, wrong: str, message: str) -> None:
    rows = [row.replace(right, wrong) for row in SHARED_ROWS]
    assert sum(row != good for row, good in zip(rows, SHARED_ROWS, strict=True)) == 1
    assert refused(plan_by_hand(SHARED, *rows)).startswith(message)


def test_messages_to_two_stages_of_one_device_keep_one_order() -> None:
    graph = Graph(4, 1, device_of=(0, 1, 1, 1), feeds=((1, 2), (3,), (3,), ()), chain=1)
    plan = add_transfers(SCHEDULES["gpipe"].plan(graph))
    check(plan)
    first, second = (" ".join(map(str, row)) for row in plan.programs)
    swapped = first.replace("0SEND_F0 0SEND_F0>2", "0SEND_F0>2 0SEND_F0")
    assert swapped != first
    assert refused(plan_by_hand(graph, swapped, second)) == (
        "device 0 sends 0SEND_F0>2 where device 1 expects 1RECV_F0: both ends must keep one order"
    )


@pytest.mark.parametrize(
    ("row", "alive"),
    [
        ("", 0),
        ("0F0", 1),
        ("0F0 0F1 0B1 0B0", 2),
        ("0F0 0B0 0F1 0B1", 1),
        ("0F0 0F1 0B0 0F2 0B1 0F3 0B2 0B3", 2),
        ("0F0 0I0 0F1 0I1 0W0 0W1", 2),
        ("0F0 0I0 0W0 0F1 0I1 0W1", 1),
        ("0RECV_F0 0F0 0SEND_F0 0RECV_B0 0B0 0SEND_B0", 1),
    ],
)
def test_activations_live_from_the_forward_to_the_end_of_the_backward(row: str, alive: int) -> None:
    assert activations_alive(program(row)) == alive


def test_a_shuffled_schedule_of_a_larger_graph_is_refused_by_its_first_early_action() -> None:
    plan = SCHEDULES["1f1b"].plan(Graph(4, 8))
    swapped = list(plan.programs[3])
    swapped[0], swapped[1] = swapped[1], swapped[0]
    broken = Plan(plan.graph, (*plan.programs[:3], tuple(swapped)))
    assert refused(broken) == "device 3 runs 3B0 before 3F0, which it needs"
