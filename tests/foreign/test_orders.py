import pytest

from pipebench.foreign import orders
from pipebench.foreign.orders import OTHER, order_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES


@pytest.mark.parametrize("name", ["gpipe", "1f1b", "zb-h1"])
def test_a_published_order_is_named(name: str) -> None:
    schedule = SCHEDULES[name]
    assert order_of(schedule.plan(Graph(4, 8, split_backward=schedule.splits_backward))) == name


def test_another_order_is_not() -> None:
    plan = SCHEDULES["gpipe"].plan(Graph(2, 2))
    first, *others = plan.programs
    assert order_of(Plan(plan.graph, (tuple(reversed(first)), *others))) == OTHER


def test_a_device_with_several_stages_is_of_no_order_that_is_known() -> None:
    graph = Graph(4, 2, device_of=(0, 1, 0, 1))
    programs = tuple(
        tuple(action for action in sorted(graph.actions(), key=str) if graph.device(action) == device)
        for device in range(2)
    )
    assert order_of(Plan(graph, programs)) == OTHER


def test_a_very_large_step_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "_MOST_ACTIONS", 10)
    assert order_of(SCHEDULES["gpipe"].plan(Graph(4, 8))) is None


def test_torchs_gpipe_has_its_backwards_in_the_order_of_its_forwards() -> None:
    plan = SCHEDULES["gpipe"].plan(Graph(3, 4))
    programs = tuple((*program[:4], *reversed(program[4:])) for program in plan.programs)
    assert programs != plan.programs
    assert order_of(Plan(plan.graph, programs)) == "gpipe"
