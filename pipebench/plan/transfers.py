"""The transfer pass: adds a send and a receive wherever an input comes from another device.

Schedules emit compute only. A send follows its producer at once. A receive stands right before its consumer. It stands
earlier if a message that the same device sends later is needed earlier, since between two devices messages arrive in
the order in which they were sent (NCCL knows no tags).

    device 0:  0F0  0SEND_F0  0F1  0SEND_F1
    device 1:  1RECV_F0  1F0  1RECV_F1  1F1

A message is known by its producer and its consumer. So a result that several stages need is sent to each of them, one
after the other.
"""

from typing import TYPE_CHECKING, NamedTuple

from pipebench.plan.actions import Action, Operation, transfer
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.system import garbage

if TYPE_CHECKING:
    from pipebench.plan.numbers import Numbers

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


def send_of(producer: Action, stage: int) -> Action:
    """The send of a result to a stage that needs it."""
    return transfer(SEND[producer.operation], producer, stage)


def receive_of(producer: Action, consumer: Action) -> Action:
    """The receive of a result for an action that needs it."""
    return transfer(RECEIVE[producer.operation], consumer, producer.stage)


class Message(NamedTuple):
    """The result of ``producer``, needed by ``consumer`` of another stage.

    It goes from one device to another, or stays on its device (``sender`` is ``receiver``) without being sent.
    """

    producer: Action
    consumer: Action
    sender: int
    receiver: int

    @property
    def send(self) -> Action:
        """The send, in the sender's program."""
        return send_of(self.producer, self.consumer.stage)

    @property
    def receive(self) -> Action:
        """The receive, in the receiver's program."""
        return receive_of(self.producer, self.consumer)

    @property
    def travels(self) -> bool:
        """Whether it goes from one device to another."""
        return self.sender != self.receiver


def results_for(graph: Graph, consumer: Action) -> list[Message]:
    """The inputs of ``consumer`` that come from other stages, on any device, in the order of the rule.

    A share of the norm has none: it is computed from gradients that are on the device.
    """
    if consumer.operation is Operation.NORM:
        return []
    here = graph.device(consumer)
    return [
        Message(producer, consumer, graph.device(producer), here)
        for producer in inputs_of(graph, consumer)
        if producer.stage != consumer.stage
    ]


def messages_of(graph: Graph, numbering: "Numbers | None" = None) -> list[Message]:
    """All messages of a step, in the order of their consumers in ``Graph.actions``, then of the rule.

    Args:
        graph: the graph of the step.
        numbering: its numbering, if there is one; the messages then share its action objects.
    """
    from pipebench.plan.numbers import Numbers, rows  # noqa: PLC0415 - numpy

    numbering = numbering or Numbers(graph)
    actions, of = numbering.every_action, numbering.devices
    consumer, producer = numbering.messages
    ends = (map(actions.__getitem__, numbers.tolist()) for numbers in (producer, consumer))
    return list(rows(Message, *ends, of[producer].tolist(), of[consumer].tolist()))


def messages_by_action(graph: Graph) -> dict[Action, Message]:
    """The message of each send and each receive of a step."""
    found: dict[Action, Message] = {}
    for message in messages_of(graph):
        found[message.send] = message
        found[message.receive] = message
    return found


def add_transfers(plan: Plan) -> Plan:
    """The plan with sends and receives, in matching order on both ends of every pair of devices."""
    assert not plan.has_transfers, "the plan has its transfers already"
    from pipebench.plan.weaving import woven  # noqa: PLC0415 - numpy

    with garbage.put_off():
        return woven(plan)
