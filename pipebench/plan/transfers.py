"""The transfer pass: adds a send/receive pair wherever an input comes from another device.

Schedules emit compute only. A send follows its producer at once; a receive stands right before its
consumer, or earlier where the sender sends it earlier, since between two devices messages arrive in the
order in which they were sent (NCCL knows no tags).

    device 0:  0F0  0SEND_F0  0F1  0SEND_F1
    device 1:  1RECV_F0  1F0  1RECV_F1  1F1

A message is known by both its ends: a result that several stages need is sent to each of them, one after the other.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pipebench.plan.actions import Action, Operation, transfer
from pipebench.plan.graph import Graph, inputs_of
from pipebench.plan.plan import Plan, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

SEND = {
    Operation.FORWARD: Operation.SEND_FORWARD,
    Operation.BACKWARD: Operation.SEND_BACKWARD,
    Operation.BACKWARD_INPUT: Operation.SEND_BACKWARD,
    Operation.NORM: Operation.SEND_NORM,
    Operation.TOTAL: Operation.SEND_TOTAL,
}
RECEIVE = {
    Operation.FORWARD: Operation.RECEIVE_FORWARD,
    Operation.BACKWARD: Operation.RECEIVE_BACKWARD,
    Operation.BACKWARD_INPUT: Operation.RECEIVE_BACKWARD,
    Operation.NORM: Operation.RECEIVE_NORM,
    Operation.TOTAL: Operation.RECEIVE_TOTAL,
}

_Pair = tuple[int, int]  # sender, receiver


class Message(NamedTuple):
    """The result of ``producer``, needed by ``consumer`` of another stage.

    It crosses from one device to another, or stays on one (``sender`` is ``receiver``), where nothing is sent.
    """

    producer: Action
    consumer: Action
    sender: int
    receiver: int

    @property
    def send(self) -> Action:
        """The action of the sender's program."""
        return transfer(SEND[self.producer.operation], self.producer, self.consumer.stage)

    @property
    def receive(self) -> Action:
        """The action of the receiver's program."""
        return transfer(RECEIVE[self.producer.operation], self.consumer, self.producer.stage)

    @property
    def travels(self) -> bool:
        """Whether it crosses from one device to another."""
        return self.sender != self.receiver


def results_for(graph: Graph, consumer: Action) -> list[Message]:
    """The inputs of ``consumer`` that other stages give it, on whatever device, in the order of the rule.

    The share of a norm is of gradients that are on the device: nobody gives it anything.
    """
    if consumer.operation is Operation.NORM:
        return []
    here = graph.device(consumer)
    return [
        Message(producer, consumer, graph.device(producer), here)
        for producer in inputs_of(graph, consumer)
        if producer.stage != consumer.stage
    ]


def messages_to(graph: Graph, consumer: Action) -> list[Message]:
    """The inputs of ``consumer`` that come from another device."""
    return [message for message in results_for(graph, consumer) if message.travels]


def messages_of(graph: Graph) -> list[Message]:
    """All messages of a step."""
    return [message for action in graph.actions() for message in messages_to(graph, action)]


def messages_by_action(graph: Graph) -> dict[Action, Message]:
    """The message that each send and each receive of a step stands for."""
    found: dict[Action, Message] = {}
    for message in messages_of(graph):
        found[message.send] = message
        found[message.receive] = message
    return found


def add_transfers(plan: Plan) -> Plan:
    """The plan with sends and receives, in matching order on both ends of every pair of devices."""
    assert not plan.has_transfers, "the plan has its transfers already"
    outgoing: dict[Action, list[Message]] = defaultdict(list)
    for message in messages_of(plan.graph):
        outgoing[message.producer].append(message)
    sent: dict[_Pair, list[Message]] = defaultdict(list)
    for program in plan.programs:
        for action in program:
            for message in outgoing[action]:
                sent[message.sender, message.receiver].append(message)
    programs = (_with_transfers(plan.graph, program, outgoing, sent) for program in plan.programs)
    return Plan(plan.graph, tuple(programs))


def _with_transfers(
    graph: Graph,
    program: Program,
    outgoing: dict[Action, list[Message]],
    sent: dict[_Pair, list[Message]],
) -> Program:
    """One device's program with its transfers; ``sent`` gives the order on each directed pair."""
    result: list[Action] = []
    waiting: dict[_Pair, Iterator[Message]] = {}
    received: set[Message] = set()
    for action in program:
        for message in messages_to(graph, action):
            pair = message.sender, message.receiver
            queue = waiting.setdefault(pair, iter(sent[pair]))
            while message not in received and (earlier := next(queue, None)) is not None:
                result.append(earlier.receive)
                received.add(earlier)
        result.append(action)
        result += [message.send for message in outgoing[action]]
    return tuple(result)
