"""The executor: one device's program, action by action, on whatever kind of device it is.

A table leads from operation to method. Everything that follows from the plan alone (which tensor an action
takes, where its result goes) is looked up once, when the program is compiled to calls.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import nn

from pipebench.models.network import Clipper, Optimizer, StepBatch, beyond
from pipebench.plan.actions import COMPUTE, RECEIVES, Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Program
from pipebench.plan.transfers import Message, messages_by_action, results_for
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
        self._clipper: Clipper | None = self.optimizer if isinstance(self.optimizer, Clipper) else None
        self._squares: Payload = ()  # the square of the norm of some gradients, or of all
        self._messages = messages_by_action(graph)
        self._results = results_of(graph, stages)
        # What is given from stage to stage and is on this device now. Every key is there from the start: a
        # dictionary that grew during a step would stay in the midst of the step's tensors.
        self._values: dict[Message, Payload | None] = dict.fromkeys(self._met(program))
        self._compilers = {
            Operation.FORWARD: self._forward,
            Operation.BACKWARD: self._backward,
            Operation.SEND_FORWARD: self._send,
            Operation.SEND_BACKWARD: self._send,
            Operation.RECEIVE_FORWARD: self._receive,
            Operation.RECEIVE_BACKWARD: self._receive,
            Operation.NORM: self._norm,
            Operation.SEND_NORM: self._send,
            Operation.RECEIVE_NORM: self._receive,
            Operation.TOTAL: self._total,
            Operation.SEND_TOTAL: self._send,
            Operation.RECEIVE_TOTAL: self._receive,
            Operation.CLIP: self._clip,
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

    def _met(self, program: Program) -> Iterator[Message]:
        """What this device computes for other stages, and what it receives."""
        for action in program:
            if action.operation in COMPUTE:
                yield from self._results.get(action, ())
            elif action.operation in RECEIVES:
                yield self._messages[action]

    def _compile(self, action: Action) -> Callable[[], None]:
        try:
            compile_ = self._compilers[action.operation]
        except KeyError:
            raise AssertionError(f"the executor does not understand {self.graph.text(action)}") from None
        return compile_(action)

    def _forward(self, action: Action) -> Callable[[], None]:
        """What it gives is the same for all stages above."""
        method = self.stages[action.stage].forward
        inputs, results = results_for(self.graph, action), self._results.get(action, [])

        def forward() -> None:
            value = method(action.microbatch, action.chunk, [self._take(each) for each in inputs])
            for each in results:
                self._values[each] = value

        return forward

    def _backward(self, action: Action) -> Callable[[], None]:
        """Each stage below gets the gradients of what it gave."""
        method = self.stages[action.stage].backward
        inputs, results = results_for(self.graph, action), self._results.get(action, [])

        def backward() -> None:
            values = method(action.microbatch, action.chunk, [self._take(each) for each in inputs])
            for each, value in zip(results, values, strict=True):
                self._values[each] = value

        return backward

    def _norm(self, action: Action) -> Callable[[], None]:
        """The square of this device's share of the norm of all gradients."""
        results, device = self._results.get(action, []), self.stages[action.stage].loss.device

        def norm() -> None:
            own = self._clipper.squared_norm() if self._clipper is not None else None
            self._squares = (torch.zeros(1, dtype=torch.float64, device=device) if own is None else own,)
            for each in results:
                self._values[each] = self._squares

        return norm

    def _total(self, action: Action) -> Callable[[], None]:
        """The sum of all shares, this device's first and then the others' in their order."""
        inputs, results = results_for(self.graph, action), self._results.get(action, [])

        def total() -> None:
            for each in inputs:
                self._squares = (self._squares[0] + self._take(each)[0],)
            for each in results:
                self._values[each] = self._squares

        return total

    def _clip(self, action: Action) -> Callable[[], None]:
        """Take note of the norm, for the update."""
        inputs = results_for(self.graph, action)

        def clip() -> None:
            for each in inputs:
                self._squares = self._take(each)
            if self._clipper is not None:
                self._clipper.clip(self._squares[0])

        return clip

    def _take(self, message: Message) -> Payload:
        """What one stage gave another, once."""
        value, self._values[message] = self._values[message], None
        assert value is not None, f"{message.producer} has not run, or gives nothing out"
        return value

    def _send(self, action: Action) -> Callable[[], None]:
        message = self._messages[action]

        def send() -> None:
            self.transport.send(message, self._take(message))

        return send

    def _receive(self, action: Action) -> Callable[[], None]:
        message = self._messages[action]

        def receive() -> None:
            self._values[message] = self.transport.receive(message)

        return receive


def results_of(graph: Graph, stages: Iterable[int]) -> dict[Action, list[Message]]:
    """What the actions of these stages compute for other stages, those in their order."""
    ours = set(stages)
    found: dict[Action, list[Message]] = defaultdict(list)
    for action in graph.actions():
        for message in results_for(graph, action):
            if message.producer.stage in ours:
                found[message.producer].append(message)
    return found
