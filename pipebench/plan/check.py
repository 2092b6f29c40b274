"""The check of a plan before anything runs it: complete, in a legal order, with matching transfers.

It looks at each device's program by itself, and at the sends and receives of every pair of devices. Whether the
devices together can get stuck, the simulator finds out. ``soundness`` first says, by arrays, whether anything is wrong.
If so, this file looks for the fault action by action.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from pipebench.errors import UsageError
from pipebench.plan.actions import COMPUTE, RECEIVES, SENDS, Action, Operation
from pipebench.plan.cells import units_in, units_of
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message, messages_by_action
from pipebench.system import garbage

_FORWARD, _WEIGHT = Operation.FORWARD, Operation.BACKWARD_WEIGHT


class PlanError(UsageError):
    """The plan is not one that computes the step; the text names the device and the action."""


def check(plan: Plan) -> None:
    """Check a plan, with or without its transfers.

    Raises:
        PlanError: An action is missing, foreign or repeated, stands before one of its inputs, or sends
            and receives do not match.
    """
    from pipebench.plan.soundness import is_sound  # noqa: PLC0415 - numpy

    with garbage.put_off():
        if is_sound(plan):
            return
    _check_complete(plan)
    _check_order(plan)
    _check_transfers(plan)
    raise AssertionError("a plan that is not sound has a fault")


def activations_alive(actions: Iterable[Action]) -> int:
    """The most forwards whose backward has not ended, at any time while ``actions`` run in order.

    One (microbatch, chunk) of one stage counts as 1. A backward in halves frees with its second half, W.
    """
    return _peak(actions, {_FORWARD: 1, Operation.BACKWARD: -1, _WEIGHT: -1})


def stage_peaks(units: Iterable[Action]) -> Mapping[int, int]:
    """``activations_alive`` of each stage by itself, from the units of a device in order."""
    of_stages: dict[int, list[Action]] = defaultdict(list)
    for unit in units:
        of_stages[unit.stage].append(unit)
    return {stage: activations_alive(own) for stage, own in of_stages.items()}


def weights_waiting(actions: Iterable[Action]) -> int:
    """The most slices that wait for their W at any time, because their I has run and their W has not."""
    return _peak(actions, {Operation.BACKWARD_INPUT: 1, _WEIGHT: -1})


def _peak(actions: Iterable[Action], changes: Mapping[Operation, int]) -> int:
    """The highest value of a count that each slice of an operation changes by so much."""
    now = peak = 0
    for action in actions:
        change = changes.get(action.operation)
        if change is not None:
            now += change * action.slices
            peak = max(peak, now)
    return peak


def _check_complete(plan: Plan) -> None:
    graph = plan.graph
    if len(plan.programs) != graph.devices:
        raise PlanError(f"expected a program for each of {graph.devices} devices, got {len(plan.programs)}")
    expected: dict[int, set[Action]] = defaultdict(set)
    for action in graph.actions():
        expected[graph.device(action)].add(action)
    for device, program in enumerate(plan.programs):
        found = Counter(action for action in units_in(graph, program) if action.operation in COMPUTE)
        for problem, actions in (
            ("does not run", expected[device] - found.keys()),
            ("runs what is not its own:", found.keys() - expected[device]),
            ("runs more than once:", {action for action, count in found.items() if count > 1}),
        ):
            if actions:
                raise PlanError(f"device {device} {problem} {graph.text(min(actions))}")


def _check_order(plan: Plan) -> None:
    """Check that every action stands after those of its inputs that run on the same device."""
    for device, program in enumerate(plan.programs):
        done: set[Action] = set()
        for action in units_in(plan.graph, program):
            if action.operation not in COMPUTE:
                continue
            for needed in inputs_of(plan.graph, action):
                if plan.graph.device(needed) == device and needed not in done:
                    raise PlanError(_before(plan.graph, device, action, needed))
            done.add(action)


def _check_transfers(plan: Plan) -> None:
    """Check that sends follow producers, receives come before consumers, and both ends agree on the order."""
    messages = messages_by_action(plan.graph)
    sent: dict[tuple[int, int], list[Message]] = defaultdict(list)
    received: dict[tuple[int, int], list[Message]] = defaultdict(list)
    for device, program in enumerate(plan.programs):
        position = {
            unit: index for index, action in enumerate(program) for unit in units_of(plan.graph, action)
        }
        for index, action in enumerate(program):
            if action.operation in COMPUTE:
                continue
            message = messages.get(action)
            if message is None or device != _end(message, action):
                raise no_use_for(plan.graph, device, action)
            if action.operation in SENDS:
                sent[message.sender, message.receiver].append(message)
                if position[message.producer] > index:
                    raise PlanError(_before(plan.graph, device, action, message.producer))
            if action.operation in RECEIVES:
                received[message.sender, message.receiver].append(message)
                if position[message.consumer] < index:
                    raise PlanError(_before(plan.graph, device, message.consumer, action))
    _check_same_sequences(plan.graph, set(messages.values()), sent, received)


def _check_same_sequences(
    graph: Graph,
    messages: set[Message],
    sent: dict[tuple[int, int], list[Message]],
    received: dict[tuple[int, int], list[Message]],
) -> None:
    """Check that from each device to each other, sends and receives have all messages once and in the same order."""
    due_on: dict[tuple[int, int], set[Message]] = defaultdict(set)
    for message in messages:
        due_on[message.sender, message.receiver].add(message)
    for pair, due in sorted(due_on.items()):
        sender, receiver = pair
        for word, sequence in (("sends", sent[pair]), ("receives", received[pair])):
            if Counter(sequence) != Counter(due):
                odd = min((Counter(due) - Counter(sequence)) or (Counter(sequence) - Counter(due)))
                raise PlanError(
                    f"device {sender} to {receiver}: expected {len(due)} {word}, each once, got {len(sequence)}; "
                    f"look at {graph.text(odd.send)} and {graph.text(odd.receive)}"
                )
        for left, right in zip(sent[pair], received[pair], strict=True):
            if left != right:
                raise PlanError(
                    f"device {sender} sends {graph.text(left.send)} where device {receiver} expects "
                    f"{graph.text(right.receive)}: both ends must keep one order"
                )


def no_use_for(graph: Graph, device: int, action: Action) -> PlanError:
    """The error for a send or receive that belongs to no message of this device."""
    return PlanError(f"device {device} has no use for {graph.text(action)}")


def _end(message: Message, action: Action) -> int:
    """The device whose program must have this end of the message."""
    return message.sender if action.operation in SENDS else message.receiver


def _before(graph: Graph, device: int, early: Action, needed: Action) -> str:
    return f"device {device} runs {graph.text(early)} before {graph.text(needed)}, which it needs"
