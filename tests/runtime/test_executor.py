from collections.abc import Iterable, Sequence

import pytest
import torch

from pipebench.models.sgd import SGD
from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers, messages_of
from pipebench.runtime.executor import Executor
from pipebench.runtime.transport import Mailbox


def sgd(parameters: Iterable[torch.nn.Parameter]) -> SGD:
    return SGD(parameters, 0.1)


def numbers(values: list[tuple[torch.Tensor]]) -> list[float]:
    return [value[0].item() for value in values]


class Recorder:
    """A stage that writes down what it is asked and gives out recognisable tensors."""

    def __init__(self, log: list[str], name: int, fed_by: Sequence[int] = ()) -> None:
        self.log, self.name, self.fed_by = log, name, fed_by
        self.part = torch.nn.Linear(1, 1)
        self.loss = torch.tensor(float(name))

    def load(self, batch: object) -> None:
        self.log.append(f"{self.name} load {batch}")

    def forward(self, microbatch: int, chunk: int, values: list[tuple[torch.Tensor]]) -> tuple[torch.Tensor]:
        self.log.append(f"{self.name} F{microbatch}.{chunk} {numbers(values)}")
        return (torch.tensor(float(100 + self.name)),)

    def backward(
        self, microbatch: int, chunk: int, values: list[tuple[torch.Tensor]]
    ) -> list[tuple[torch.Tensor]]:
        self.log.append(f"{self.name} B{microbatch}.{chunk} {numbers(values)}")
        return [(torch.tensor(200.0 + 10 * self.name + below),) for below in self.fed_by]


def test_results_reach_the_stage_that_needs_them_over_the_transport_and_within_a_device() -> None:
    graph = Graph(3, 1, device_of=(0, 0, 1))
    plan = add_transfers(SCHEDULES["gpipe"].plan(graph))
    log: list[str] = []
    mailbox = Mailbox(messages_of(graph))
    executors = [
        Executor(
            graph, program, {s: Recorder(log, s, graph.fed_by(s)) for s in graph.stages_of(d)}, mailbox, sgd
        )  # type: ignore[misc]
        for d, program in enumerate(plan.programs)
    ]
    first, second = executors
    position = next(
        n for n, call in enumerate(first.calls) if call.action.operation is Operation.RECEIVE_BACKWARD
    )
    for call in (*first.calls[:position], *second.calls, *first.calls[position:]):
        call.run()
    assert log == [
        "0 F0.0 []",
        "1 F0.0 [100.0]",
        "2 F0.0 [101.0]",
        "2 B0.0 []",
        "1 B0.0 [221.0]",
        "0 B0.0 [210.0]",
    ]
    assert [executor.loss() for executor in executors] == [1.0, 2.0]


def test_an_operation_outside_the_table_is_refused_by_name() -> None:
    graph = Graph(1, 1, split_backward=True)
    program = (Action(Operation.FORWARD, 0, 0), Action(Operation.BACKWARD_INPUT, 0, 0))
    with pytest.raises(AssertionError, match="does not understand 0I0"):
        Executor(graph, program, {0: Recorder([], 0)}, Mailbox([]), sgd)  # type: ignore[dict-item]


def test_receiving_before_sending_is_noticed() -> None:
    graph = Graph(2, 1)
    message = messages_of(graph)[0]
    mailbox = Mailbox(messages_of(graph))
    with pytest.raises(AssertionError, match="before it was sent"):
        mailbox.receive(message)
    payload = (torch.ones(2),)
    mailbox.send(message, payload)
    assert mailbox.receive(message) is payload
