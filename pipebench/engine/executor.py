"""The executor: runs one device's program, action by action, on any kind of device.

A table gives the method for each operation. Everything that follows from the plan alone (which tensor an action
takes, where its result goes) is looked up once, when the program is compiled to calls.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from pipebench.engine.any_stage import AnyStage, Many, One
from pipebench.engine.stage import Payload
from pipebench.engine.transport import Transport
from pipebench.models.network import Clipper, Optimizer, StepBatch, beyond
from pipebench.plan.actions import COMPUTE, RECEIVES, Action, Operation
from pipebench.plan.cells import slices_of, units_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Program
from pipebench.plan.transfers import Message, messages_by_action, results_for


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
        stages: Mapping[int, AnyStage],
        transport: Transport,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
    ) -> None:
        self.graph, self.stages, self.transport = graph, stages, transport
        parameters = [parameter for stage in stages.values() for parameter in stage.part.parameters()]
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        self.optimizer = optimizer(trained) if trained else None
        self._beyond = beyond(self.optimizer, trained) if self.optimizer is not None else []
        self._clipper: Clipper | None = self.optimizer if isinstance(self.optimizer, Clipper) else None
        self._squares: Payload = ()  # the squared norm of this device's gradients, or of all so far
        self._messages = messages_by_action(graph)
        self._results = results_of(graph, stages)
        # Results and received messages that are on this device now. Every key is there from the start: a
        # dictionary that grew during a step would stay on the heap among the step's tensors.
        self._values: dict[Message, Payload | None] = dict.fromkeys(self._met(program))
        self._compilers = {
            Operation.FORWARD: self._forward,
            Operation.BACKWARD: self._backward,
            Operation.BACKWARD_INPUT: self._backward_input,
            Operation.BACKWARD_WEIGHT: self._backward_weight,
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

    def begin(self) -> None:
        """Start a step: free all gradients and prepare the stages."""
        self.zero_grad()
        for stage in self.stages.values():
            stage.begin()

    def zero_grad(self) -> None:
        """Free all gradients."""
        if self.optimizer is not None:
            self.optimizer.zero_grad()
        for parameter in self._beyond:
            parameter.grad = None

    def finish(self) -> None:
        """Complete all gradients after the last action, so that the optimizer finds them."""
        for stage in self.stages.values():
            stage.finish()

    def update(self) -> None:
        """End a step: update the parameters, if any are trained."""
        if self.optimizer is not None:
            self.optimizer.step()

    def message_of(self, action: Action) -> Message:
        """The message that a send or a receive is for."""
        return self._messages[action]

    def loss(self) -> float:
        """This device's share of the last step's loss: all of it on the last stage's device, else 0."""
        return sum(float(stage.loss) for stage in self.stages.values())

    def _met(self, program: Program) -> Iterator[Message]:
        """The messages that this device computes or receives."""
        for action in program:
            if action.operation in COMPUTE:
                for unit in units_of(self.graph, action):
                    yield from self._results.get(unit, ())
            elif action.operation in RECEIVES:
                yield self._messages[action]

    def _compile(self, action: Action) -> Callable[[], None]:
        try:
            compile_ = self._compilers[action.operation]
        except KeyError:
            raise AssertionError(f"the executor does not understand {self.graph.text(action)}") from None
        return compile_(action)

    def _forward(self, action: Action) -> Callable[[], None]:
        """Compile an F; all stages above get the same result."""
        stage = self.stages[action.stage]
        if action.slices > 1:
            return self._forwards(action, stage.forward_many)
        method, inputs, results = stage.forward, *self._ends(action)

        def forward() -> None:
            value = method(action.microbatch, action.chunk, [self._take(each) for each in inputs])
            for each in results:
                self._values[each] = value

        return forward

    def _forwards(self, cell: Action, method: Many[Payload | None]) -> Callable[[], None]:
        """Compile an F of several slices at once."""
        slices, ends = slices_of(self.graph, cell), [*map(self._ends, units_of(self.graph, cell))]

        def forwards() -> None:
            values = method(slices, [[self._take(each) for each in inputs] for inputs, _ in ends])
            for value, (_, results) in zip(values, ends, strict=True):
                for each in results:
                    self._values[each] = value

        return forwards

    def _backward(self, action: Action) -> Callable[[], None]:
        """Compile a B; if the graph splits backwards, it is compiled as I and then W."""
        if self.graph.split_backward:
            halves = [action._replace(operation=operation) for operation in self.graph.operations[1:]]
            first, second = (self._compile(half) for half in halves)

            def both() -> None:
                first()
                second()

            return both
        return self._backwards(action, self.stages[action.stage].backward)

    def _backward_input(self, action: Action) -> Callable[[], None]:
        """Compile an I, the half of the backward that other stages wait for."""
        stage = self.stages[action.stage]
        if action.slices > 1:
            return self._backward_inputs(action, stage.backward_input_many)
        return self._backwards(action, stage.backward_input)

    def _backwards(self, action: Action, method: One[Sequence[Payload]]) -> Callable[[], None]:
        """Compile a B or I of one slice; each stage below gets the gradients of what it gave."""
        inputs, results = self._ends(action)

        def backward() -> None:
            values = method(action.microbatch, action.chunk, [self._take(each) for each in inputs])
            for each, value in zip(results, values, strict=True):
                self._values[each] = value

        return backward

    def _backward_inputs(self, cell: Action, method: Many[Sequence[Payload]]) -> Callable[[], None]:
        """Compile an I of several slices at once."""
        slices, ends = slices_of(self.graph, cell), [*map(self._ends, units_of(self.graph, cell))]

        def backwards() -> None:
            values = method(slices, [[self._take(each) for each in inputs] for inputs, _ in ends])
            for of_slice, (_, results) in zip(values, ends, strict=True):
                for each, value in zip(results, of_slice, strict=True):
                    self._values[each] = value

        return backwards

    def _backward_weight(self, cell: Action) -> Callable[[], None]:
        """Compile a W; other stages get nothing from it."""
        return partial(self.stages[cell.stage].backward_weight, slices_of(self.graph, cell))

    def _ends(self, unit: Action) -> tuple[list[Message], list[Message]]:
        """The messages that a unit takes from other stages, and those that it gives them."""
        return results_for(self.graph, unit), self._results.get(unit, [])

    def _norm(self, action: Action) -> Callable[[], None]:
        """Compile the squared norm of this device's gradients."""
        results, device = self._results.get(action, []), self.stages[action.stage].loss.device

        def norm() -> None:
            self.finish()
            own = self._clipper.squared_norm() if self._clipper is not None else None
            self._squares = (torch.zeros(1, dtype=torch.float64, device=device) if own is None else own,)
            for each in results:
                self._values[each] = self._squares

        return norm

    def _total(self, action: Action) -> Callable[[], None]:
        """Compile the sum of all devices' squared norms: this device's first, then the others' in order."""
        inputs, results = results_for(self.graph, action), self._results.get(action, [])

        def total() -> None:
            for each in inputs:
                self._squares = (self._squares[0] + self._take(each)[0],)
            for each in results:
                self._values[each] = self._squares

        return total

    def _clip(self, action: Action) -> Callable[[], None]:
        """Compile the step that gives the optimizer the norm of all gradients, for the update."""
        inputs = results_for(self.graph, action)

        def clip() -> None:
            for each in inputs:
                self._squares = self._take(each)
            if self._clipper is not None:
                self._clipper.clip(self._squares[0])

        return clip

    def _take(self, message: Message) -> Payload:
        """Take a message's tensors out; each message can be taken once."""
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
    """The messages that each action of these stages produces, in the order of their consumers in ``Graph.actions``."""
    ours = set(stages)
    found: dict[Action, list[Message]] = defaultdict(list)
    for action in graph.actions():
        for message in results_for(graph, action):
            if message.producer.stage in ours:
                found[message.producer].append(message)
    return found
