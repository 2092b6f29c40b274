"""Messages and the transfer pass as they were before they went through arrays: action by action, slow and plain."""

from collections import defaultdict
from typing import TYPE_CHECKING

from pipebench.plan.actions import Action
from pipebench.plan.cells import units_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, Program
from pipebench.plan.transfers import Message, results_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_Pair = tuple[int, int]  # sender, receiver


def messages_to(graph: Graph, cell: Action) -> list[Message]:
    """The inputs of a cell's units that come from another device."""
    results = (result for unit in units_of(graph, cell) for result in results_for(graph, unit))
    return [result for result in results if result.travels]


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
