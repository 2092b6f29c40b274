from collections.abc import Iterable, Sequence
from enum import StrEnum

import pytest
import torch

from pipebench.engine.emulator import interleave
from pipebench.engine.executor import Executor
from pipebench.engine.transport import Mailbox
from pipebench.models.sgd import SGD
from pipebench.plan.actions import SENDS, Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers, messages_of
from tests.builders import plan_by_hand

Values = list[tuple[torch.Tensor]]
Slices = Sequence[tuple[int, int]]


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


class Foreign(StrEnum):
    """Of another table."""

    QUIET = "Q"


def test_an_operation_outside_the_table_is_refused_by_name() -> None:
    program = (Action(Operation.FORWARD, 0, 0), Action(Foreign.QUIET, 0, 0))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="does not understand 0Q0"):
        Executor(Graph(1, 1), program, {0: Recorder([], 0)}, Mailbox([]), sgd)  # type: ignore[dict-item]


class Halves(Recorder):
    """One whose results name their slice: 100 + 10 m + c go up, 200 + 10 m + c come back."""

    def forward(self, microbatch: int, chunk: int, values: Values) -> tuple[torch.Tensor]:
        self.log.append(f"{self.name} F{microbatch}.{chunk} {numbers(values)}")
        return result(100, microbatch, chunk)

    def forward_many(self, slices: Slices, values: Sequence[Values]) -> list[tuple[torch.Tensor]]:
        self.log.append(f"{self.name} F{texts(slices)} {[*map(numbers, values)]}")
        return [result(100, *each) for each in slices]

    def backward_input(self, microbatch: int, chunk: int, values: Values) -> Values:
        self.log.append(f"{self.name} I{microbatch}.{chunk} {numbers(values)}")
        return [result(200, microbatch, chunk) for _ in self.fed_by]

    def backward_input_many(self, slices: Slices, values: Sequence[Values]) -> list[Values]:
        self.log.append(f"{self.name} I{texts(slices)} {[*map(numbers, values)]}")
        return [[result(200, *each) for _ in self.fed_by] for each in slices]

    def backward_weight(self, slices: Slices) -> None:
        self.log.append(f"{self.name} W{texts(slices)}")


def result(first: int, microbatch: int, chunk: int) -> tuple[torch.Tensor]:
    return (torch.tensor(float(first + 10 * microbatch + chunk)),)


def texts(slices: Slices) -> str:
    return " ".join(f"{microbatch}.{chunk}" for microbatch, chunk in slices)


def ran(graph: Graph, *rows: str) -> list[str]:
    """What the stages of a plan were asked, one device's program after the other's as each can go on."""
    plan = add_transfers(plan_by_hand(graph, *rows))
    log: list[str] = []
    mailbox = Mailbox(messages_of(graph))
    calls = {}
    for device, program in enumerate(plan.programs):
        stages = {stage: Halves(log, stage, graph.fed_by(stage)) for stage in graph.stages_of(device)}
        executor = Executor(graph, program, stages, mailbox, sgd)  # type: ignore[arg-type]
        calls[device] = {call.action: call.run for call in executor.calls}
    for device, action in interleave(plan, "device"):
        of_device = list(calls[device])
        upto = of_device.index(action) + 1
        while upto < len(of_device) and of_device[upto].operation in SENDS:
            upto += 1
        for each in of_device[:upto]:
            calls[device].pop(each)()
    assert not any(calls.values())
    return log


def test_cells_reach_the_stage_with_their_slices_and_each_result_its_consumer() -> None:
    log = ran(
        Graph(2, 2, 2, split_backward=True),
        "0F0.0-1 0F1.0 0F1.1 0I0-1.0-1 0W0.1 0W0.0 0W1.0-1",
        "1F0.0 1F0.1 1F1.0-1 1I0.1 1I0.0 1I1.0-1 1W0-1.0-1",
    )
    assert log == [
        "0 F0.0 0.1 [[], []]",
        "0 F1.0 []",
        "0 F1.1 []",
        "1 F0.0 [100.0]",
        "1 F0.1 [101.0]",
        "1 F1.0 1.1 [[110.0], [111.0]]",
        "1 I0.1 []",
        "1 I0.0 []",
        "1 I1.1 1.0 [[], []]",
        "1 W0.1 0.0 1.1 1.0",
        "0 I0.1 0.0 1.1 1.0 [[201.0], [200.0], [211.0], [210.0]]",
        "0 W0.1",
        "0 W0.0",
        "0 W1.1 1.0",
    ]


def test_results_of_a_cell_reach_other_stages_of_its_device() -> None:
    graph = Graph(3, 1, 2, device_of=(0, 0, 0), split_backward=True)
    log = ran(graph, "0F0.0-1 1F0.0 1F0.1 2F0.0-1 2I0.0-1 1I0.1 1I0.0 0I0.0-1 0W0.0-1 1W0.0-1 2W0.0-1")
    assert log[1:7] == [
        "1 F0.0 [100.0]",
        "1 F0.1 [101.0]",
        "2 F0.0 0.1 [[100.0], [101.0]]",
        "2 I0.1 0.0 [[], []]",
        "1 I0.1 [201.0]",
        "1 I0.0 [200.0]",
    ]


@pytest.mark.parametrize(
    ("cell", "halves"),
    [("0B0.1", ["0 I0.1 []", "0 W0.1"]), ("0B0.0-1", ["0 I0.1 0.0 [[], []]", "0 W0.1 0.0"])],
)
def test_a_whole_backward_of_a_graph_in_halves_runs_both(cell: str, halves: list[str]) -> None:
    rest = "" if "-" in cell else " 0B0.0"
    assert ran(Graph(1, 1, 2, split_backward=True), f"0F0.0 0F0.1 {cell}{rest}")[2:4] == halves


def test_receiving_before_sending_is_noticed() -> None:
    graph = Graph(2, 1)
    message = messages_of(graph)[0]
    mailbox = Mailbox(messages_of(graph))
    with pytest.raises(AssertionError, match="before it was sent"):
        mailbox.receive(message)
    payload = (torch.ones(2),)
    mailbox.send(message, payload)
    assert mailbox.receive(message) is payload
