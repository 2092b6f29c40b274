"""The executor: one device's program, action by action, on whatever kind of device it is.

A table leads from operation to method. Everything that follows from the plan alone (which tensor an action
takes, where its result goes) is looked up once, when the program is compiled to calls.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from torch import nn

from pipebench.models.network import Optimizer, StepBatch, beyond
from pipebench.plan.actions import COMPUTE, RECEIVES, Action, Operation
from pipebench.plan.graph import Graph, inputs_of
from pipebench.plan.plan import Program
from pipebench.plan.transfers import messages_by_action
from pipebench.runtime.stage import Payload, Stage
from pipebench.runtime.transport import Transport


class Call(NamedTuple):
    """An action of the program, ready to run."""

    action: Action
    run: Callable[[], None]


class Executor:
    """One device: its stages, its optimizer, and the calls that its program consists of."""

    def __init__(
        self,
        graph: Graph,
        program: Program,
        stages: Mapping[int, Stage],
        transport: Transport,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
    ) -> None:
        self.graph, self.stages, self.transport = graph, stages, transport
        parameters = [parameter for stage in stages.values() for parameter in stage.part.parameters()]
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        self.optimizer = optimizer(trained) if trained else None
        self._beyond = beyond(self.optimizer, trained) if self.optimizer is not None else []
        self._messages = messages_by_action(graph)
        # Results on this device by the action they are from. Every key is there from the start: a
        # dictionary that grew during a step would stay in the midst of the step's tensors.
        self._values: dict[Action, Payload | None] = dict.fromkeys(self._results(program))
        self._compilers = {
            Operation.FORWARD: self._forward,
            Operation.BACKWARD: self._backward,
            Operation.SEND_FORWARD: self._send,
            Operation.SEND_BACKWARD: self._send,
            Operation.RECEIVE_FORWARD: self._receive,
            Operation.RECEIVE_BACKWARD: self._receive,
        }
        self.calls = tuple(Call(action, self._compile(action)) for action in program)

    def load(self, batch: StepBatch) -> None:
        """Take the next step's batch."""
        for stage in self.stages.values():
            stage.load(batch)

    def zero_grad(self) -> None:
        """The start of a step."""
        if self.optimizer is not None:
            self.optimizer.zero_grad()
        for parameter in self._beyond:
            parameter.grad = None

    def update(self) -> None:
        """The end of a step: the optimizer, where anything is trained."""
        if self.optimizer is not None:
            self.optimizer.step()

    def loss(self) -> float:
        """This device's share of the last step's loss: all of it on the last stage's device, else 0."""
        return sum(float(stage.loss) for stage in self.stages.values())

    def _results(self, program: Program) -> Iterator[Action]:
        """What this device computes, and what it receives."""
        for action in program:
            if action.operation in COMPUTE:
                yield action
            elif action.operation in RECEIVES:
                yield self._messages[action].producer

    def _compile(self, action: Action) -> Callable[[], None]:
        try:
            compile_ = self._compilers[action.operation]
        except KeyError:
            raise AssertionError(f"the executor does not understand {self.graph.text(action)}") from None
        return compile_(action)

    def _forward(self, action: Action) -> Callable[[], None]:
        return partial(
            self._compute, self.stages[action.stage].forward, action, self._from_other_stage(action)
        )

    def _backward(self, action: Action) -> Callable[[], None]:
        return partial(
            self._compute, self.stages[action.stage].backward, action, self._from_other_stage(action)
        )

    def _from_other_stage(self, action: Action) -> Action | None:
        """The input that another stage computes; what a stage keeps for itself it finds by itself."""
        others = [needed for needed in inputs_of(self.graph, action) if needed.stage != action.stage]
        assert len(others) <= 1, "a stage of this model has one neighbour on each side"
        return others[0] if others else None

    def _compute(
        self,
        method: Callable[[int, int, Payload | None], Payload | None],
        action: Action,
        input_: Action | None,
    ) -> None:
        value = self._take(input_) if input_ is not None else None
        self._values[action] = method(action.microbatch, action.chunk, value)

    def _take(self, producer: Action) -> Payload:
        """A result, once."""
        value, self._values[producer] = self._values[producer], None
        assert value is not None, f"{producer} has not run, or gives nothing out"
        return value

    def _send(self, action: Action) -> Callable[[], None]:
        message = self._messages[action]

        def send() -> None:
            self.transport.send(message, self._take(message.producer))

        return send

    def _receive(self, action: Action) -> Callable[[], None]:
        message = self._messages[action]

        def receive() -> None:
            self._values[message.producer] = self.transport.receive(message)

        return receive
