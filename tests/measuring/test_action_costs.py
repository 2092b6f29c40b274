"""What actions cost, told from cells of two sizes, and a plan that comes of it."""

from typing import Any

import msgspec
import pytest
import torch

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.launching import messages
from pipebench.launching.rendezvous.place import on_one_machine
from pipebench.measuring import action_costs
from pipebench.measuring.action_costs import cell_cost
from pipebench.models.registry import given_to
from pipebench.plan.check import check
from pipebench.plan.order_costs import CellCost
from pipebench.plan.schedules import SCHEDULES

pytestmark = pytest.mark.usefixtures("one_thread")


def test_two_sizes_give_a_cost_by_the_call_and_one_by_the_slice() -> None:
    assert cell_cost([(1, 5.0), (4, 11.0)]) == CellCost(2.0, 3.0)
    assert cell_cost([(1, 4.0), (1, 6.0), (4, 10.0), (4, 12.0)]) == CellCost(2.0, 3.0)


def test_those_between_the_shortest_and_the_longest_are_left_out() -> None:
    assert cell_cost([(1, 5.0), (2, 100.0), (4, 11.0)]) == CellCost(2.0, 3.0)


def test_one_size_says_nothing_of_the_call() -> None:
    assert cell_cost([(2, 4.0), (2, 8.0)]) == CellCost(3.0, 0.0)


def test_neither_is_below_0_however_noisy() -> None:
    assert cell_cost([(1, 9.0), (3, 6.0)]) == CellCost(0.0, 6.0)  # the longer one took less
    assert cell_cost([(1, 1.0), (3, 9.0)]) == CellCost(3.0, 0.0)  # a call would cost -3


def config(**options: Any) -> RunConfig:
    given = {"schedule": "wavefront-zb", "gpus": 2, "layers": 2, "hidden": 8, "vocab": 20, "batch": 4}
    sizes = given | {"sequence_length": 8, "microbatches": 2, "chunks": 8, "synthetic": True}
    return resolve(RunOptions(**(sizes | options)))


def measured(asked: RunConfig) -> tuple[messages.ActionCosts, list[messages.Message]]:
    told: list[messages.Message] = []
    job = messages.Job(config=asked, data=given_to(asked).data, task=messages.Task.COSTS)
    return action_costs.measure(job, on_one_machine(0, 1), told.append), told


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"softmax_devices": "all"},
        {"chunks": 1, "microbatches": 4},
        {"most_alive": 10, "most_waiting": 4},
        {"model": "transformer", "heads": 2, "device": "cpu"},
        {"model": "seq2seq", "chunks": 3},
    ],
    ids=str,
)
def test_every_stage_has_costs_that_a_plan_comes_of(options: dict[str, Any]) -> None:
    if options.get("model") == "seq2seq":
        options = options | {"synthetic": False}
    asked = config(**options)
    found, told = measured(asked)
    costs, graph = found.costs, asked.graph
    assert costs is not None
    costs.check(graph)
    assert msgspec.structs.replace(asked, found=found.found).graph == graph, "found as a run takes it"
    for cells in (costs.forward, costs.backward_input, costs.backward_weight):
        assert all(cell.of(1) > 0 for cell in cells)
    bounds = {"most_alive": asked.most_alive, "most_waiting": asked.most_waiting}
    check(SCHEDULES["wavefront-zb"].plan(graph, costs, **bounds))
    assert [message.share for message in told if isinstance(message, messages.Progress)] == [
        0,
        0.25,
        0.5,
        0.75,
    ]


def test_messages_take_what_the_emulated_link_takes_and_on_real_ranks_part_of_a_forward() -> None:
    emulated, ranked = (measured(config(device=device))[0].costs for device in ("emulated", "cpu"))
    assert (emulated.ports, ranked.ports) == (True, False)
    assert emulated.forward_message_s[0] > 0
    assert emulated.forward_message_s[1] == emulated.backward_message_s[0] == 0.0, "nobody is there"
    mean_s = sum(cell.of(1) for cell in ranked.forward) / 2
    assert ranked.forward_message_s[0] == pytest.approx(0.2 * mean_s)
    assert ranked.backward_message_s[1] == pytest.approx(0.2 * mean_s)


def test_stages_that_do_not_fit_on_one_device_together_have_no_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(action_costs.EmulatedPipeline, "step", full)
    found, _ = measured(config())
    assert found.costs is None
    assert "packed_products" in found.found
