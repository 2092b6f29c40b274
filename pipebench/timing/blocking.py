"""The engine for blocking messages: a send and its receive meet, and hold both devices until the message is over.

It handles events in the order of time, and has a program counter for each device.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import count
from operator import attrgetter

from pipebench.plan.actions import COMPUTE, RECEIVES, Action
from pipebench.plan.cells import units_of
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message, messages_by_action
from pipebench.timing.costs import Costs
from pipebench.timing.deadlock import DeadlockError
from pipebench.timing.links import Link, Topology
from pipebench.timing.timeline import OtherWork, Span, Timeline, Transfer


def met(
    plan: Plan,
    costs: Costs,
    link: Link | Topology,
    message_bytes: Callable[[Message], float] | None,
    transfer_s: Callable[[Message], float] | None,
) -> Timeline:
    """Run a plan on paper; see ``simulator.simulate``.

    Args:
        plan: the plan, with its transfers.
        costs: seconds of each action.
        link: the link between any two devices.
        message_bytes: the size of a message; by default 0.
        transfer_s: seconds of a message, in place of the link.

    Raises:
        DeadlockError: The plan gets stuck.
    """
    if transfer_s is not None:
        link = Link()
    return _Meetings(plan, costs, link, message_bytes, transfer_s).run()


class _Meetings:
    """One run: a heap of events in time order, a program counter for each device."""

    def __init__(
        self,
        plan: Plan,
        costs: Costs,
        link: Link | Topology,
        message_bytes: Callable[[Message], float] | None,
        transfer_s: Callable[[Message], float] | None,
    ) -> None:
        self.plan, self.costs, self.link, self.message_bytes = plan, costs, link, message_bytes
        self.transfer_s = transfer_s or self._link_s
        self.message_of = messages_by_action(plan.graph)
        self.missing: dict[Action, set[Message]] = defaultdict(set)  # what an action still waits for
        self.overhead_s: dict[Action, float] = defaultdict(float)  # of the messages at both ends
        self.cell_of = {
            unit: action for each in plan.programs for action in each for unit in units_of(plan.graph, action)
        }
        for message in dict.fromkeys(self.message_of.values()):
            consumer, producer = self._cells_of(message)
            self.missing[consumer].add(message)
            overhead_s = link.between(message.sender, message.receiver).overhead_s
            self.overhead_s[consumer] += overhead_s
            self.overhead_s[producer] += overhead_s
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.sequence = count()
        self.position = [0] * len(plan.programs)
        self.busy = [True] * len(plan.programs)  # at first with the work before the first action
        self.spans: list[Span] = []
        self.transfers: list[Transfer] = []
        self.other: list[OtherWork] = []

    def run(self) -> Timeline:
        for device in range(len(self.plan.programs)):
            before_s = self.costs.before_s(device)
            self._other_work(device, "zero_grad", 0.0, before_s)
            self._at(before_s, partial(self._begin, device))
        while self.events:
            time, _, happen = heapq.heappop(self.events)
            happen(time)
        stuck = [d for d, program in enumerate(self.plan.programs) if self.position[d] < len(program)]
        if stuck:
            raise DeadlockError("deadlock: " + "; ".join(self._waits_for(device) for device in stuck))
        spans = sorted(self.spans, key=attrgetter("start_s"))  # a gap may put a start later than others
        return Timeline(self.plan.graph, tuple(spans), tuple(self.transfers), tuple(self.other))

    def _at(self, time: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (time, next(self.sequence), happen))

    def _other_work(self, device: int, name: str, now: float, duration: float) -> None:
        if duration:
            self.other.append(OtherWork(device, name, now, now + duration))

    def _cells_of(self, message: Message) -> tuple[Action, Action]:
        """The action that waits for a message, and the one that gives it; a unit if the plan does not have it."""
        return (
            self.cell_of.get(message.consumer, message.consumer),
            self.cell_of.get(message.producer, message.producer),
        )

    # devices

    def _advance(self, device: int, now: float) -> None:
        """Go on with a device's program: start an action, meet the other end, or wait."""
        program = self.plan.programs[device]
        if self.position[device] == len(program) or self.busy[device]:
            return
        action = program[self.position[device]]
        if action.operation not in COMPUTE:
            self._meet(action, now)
        elif not self.missing[action]:
            self._start(device, action, now)

    def _begin(self, device: int, now: float) -> None:
        """End the work before the device's first action."""
        self.busy[device] = False
        self._advance(device, now)

    def _start(self, device: int, action: Action, now: float) -> None:
        start = now + self.costs.gap_s(action)
        end = start + self.costs.action_s(action) + self.overhead_s[action]
        self.spans.append(Span(device, action, start, end))
        self.busy[device] = True
        self._at(end, partial(self._release, device))

    def _release(self, device: int, now: float) -> None:
        """End the device's current action, and go on."""
        self.busy[device] = False
        self._step(device, now)
        self._advance(device, now)

    def _step(self, device: int, now: float) -> None:
        """Move on to the next action; after the last one the optimizer runs."""
        self.position[device] += 1
        if self.position[device] == len(self.plan.programs[device]):
            self._other_work(device, "optimizer", now, self.costs.after_s(device))

    # messages

    def _meet(self, action: Action, now: float) -> None:
        """Start the transfer if both devices have come to it; otherwise the device waits here."""
        message = self.message_of[action]
        ends = (message.sender, message.send), (message.receiver, message.receive)
        if all(not self.busy[device] and self._current(device) == end for device, end in ends):
            self.busy[message.sender] = self.busy[message.receiver] = True
            end = now + self.transfer_s(message)
            self.transfers.append(Transfer(message, now, now, end))
            self._at(end, partial(self._part, message))

    def _link_s(self, message: Message) -> float:
        link = self.link.between(message.sender, message.receiver)
        return link.transfer_s(0 if self.message_bytes is None else self.message_bytes(message))

    def _part(self, message: Message, now: float) -> None:
        self.missing[self._cells_of(message)[0]].discard(message)
        for device in (message.sender, message.receiver):
            self._release(device, now)

    def _current(self, device: int) -> Action | None:
        program = self.plan.programs[device]
        return program[self.position[device]] if self.position[device] < len(program) else None

    # what it is stuck on

    def _waits_for(self, device: int) -> str:
        action = self.plan.programs[device][self.position[device]]
        if action.operation in COMPUTE:
            needed = min(self.missing[action]).producer
        else:
            message = self.message_of[action]
            needed = message.send if action.operation in RECEIVES else message.receive
        text = self.plan.graph.text
        return f"device {device}: {text(action)} waits for {text(needed)}"
