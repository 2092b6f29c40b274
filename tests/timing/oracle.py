"""The simulator that came before the engines: one event loop over actions as they stand in a plan, slow and plain.

It is what the engines are held to, to the last bit. Two things differ from how it was: a message without ports neither
waits for a port nor frees one (it used to free whatever was taken at its two ends), and overheads are added up in the
order of the messages, not in one that differs from process to process.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import count

from pipebench.plan.actions import COMPUTE, RECEIVES, SENDS, Action
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message
from pipebench.timing.costs import Costs
from pipebench.timing.deadlock import DeadlockError
from pipebench.timing.links import Link, Topology
from pipebench.timing.timeline import OtherWork, Span, Timeline, Transfer
from tests.plan.oracle import add_transfers, messages_by_action

_FREE = Link()
_NO_PORTS = Link(ports=False)


def _no_bytes(message: Message) -> int:
    return 0


def simulate(
    plan: Plan,
    costs: Costs,
    link: Link | Topology = _FREE,
    *,
    message_bytes: Callable[[Message], int] = _no_bytes,
    transfer_s: Callable[[Message], float] | None = None,
    blocking: bool = False,
) -> Timeline:
    """Run a plan on paper.

    Args:
        plan: with or without transfers (then the transfer pass adds them).
        costs: seconds of each action.
        link: what lies between every two devices, or between which of them which.
        message_bytes: the size of a message, for links with a bandwidth.
        transfer_s: seconds that a message takes, in the place of the link, which then counts for nothing: no message
            waits for another one, and none costs its ends anything.
        blocking: rendezvous transfers instead of asynchronous ones.

    Raises:
        DeadlockError: The plan gets stuck under this transport.
    """
    with_transfers = plan if plan.has_transfers else add_transfers(plan)
    if transfer_s is not None:
        link = _NO_PORTS
    return _Simulation(with_transfers, costs, link, message_bytes, transfer_s, blocking=blocking).run()


class _Simulation:
    """One run: a heap of events in time order, a program counter for each device."""

    def __init__(
        self,
        plan: Plan,
        costs: Costs,
        link: Link | Topology,
        message_bytes: Callable[[Message], int],
        transfer_s: Callable[[Message], float] | None,
        *,
        blocking: bool,
    ) -> None:
        self.plan, self.costs, self.link, self.message_bytes = plan, costs, link, message_bytes
        self.blocking, self.transfer_s = blocking, transfer_s or self._link_s
        self.message_of = messages_by_action(plan.graph)
        self.missing: dict[Action, set[Message]] = defaultdict(set)  # what an action still waits for
        self.overhead_s: dict[Action, float] = defaultdict(
            float
        )  # of the messages that an action's device handles
        for message in dict.fromkeys(self.message_of.values()):
            self.missing[message.consumer].add(message)
            overhead_s = link.between(message.sender, message.receiver).overhead_s
            self.overhead_s[message.consumer] += overhead_s
            self.overhead_s[message.producer] += overhead_s
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.sequence = count()
        self.position = [0] * len(plan.programs)
        self.busy = [True] * len(plan.programs)  # with the work before the first action
        self.queue: list[tuple[Message, float]] = []
        self.egress_busy: dict[int, bool] = defaultdict(bool)
        self.ingress_busy: dict[int, bool] = defaultdict(bool)
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
        return Timeline(self.plan.graph, tuple(self.spans), tuple(self.transfers), tuple(self.other))

    def _at(self, time: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (time, next(self.sequence), happen))

    def _other_work(self, device: int, name: str, now: float, duration: float) -> None:
        if duration:
            self.other.append(OtherWork(device, name, now, now + duration))

    # devices

    def _advance(self, device: int, now: float) -> None:
        """Go on with a device's program until it starts an action or has to wait."""
        program = self.plan.programs[device]
        while self.position[device] < len(program) and not self.busy[device]:
            action = program[self.position[device]]
            if action.operation in COMPUTE:
                if not self.missing[action]:
                    self._start(device, action, now)
                return
            if self.blocking:
                self._meet(action, now)
                return
            if action.operation in SENDS:
                self._post(self.message_of[action], now)
            self._step(device, now)

    def _begin(self, device: int, now: float) -> None:
        """The work before the device's first action is over."""
        self.busy[device] = False
        self._advance(device, now)

    def _start(self, device: int, action: Action, now: float) -> None:
        start = now + self.costs.gap_s(action)
        end = start + self.costs.action_s(action) + self.overhead_s[action]
        self.spans.append(Span(device, action, start, end))
        self.busy[device] = True
        self._at(end, partial(self._release, device))

    def _release(self, device: int, now: float) -> None:
        """The device's current action is over."""
        self.busy[device] = False
        self._step(device, now)
        self._advance(device, now)

    def _step(self, device: int, now: float) -> None:
        """Move on to the next action; after the last one the optimizer runs."""
        self.position[device] += 1
        if self.position[device] == len(self.plan.programs[device]):
            self._other_work(device, "optimizer", now, self.costs.after_s(device))

    # asynchronous transfers

    def _post(self, message: Message, now: float) -> None:
        self.queue.append((message, now))
        self._start_transfers(now)

    def _start_transfers(self, now: float) -> None:
        """Start every queued transfer whose two ports are free, first posted first."""
        left = []
        for message, ready in self.queue:
            if self._has_ports(message):
                if self.egress_busy[message.sender] or self.ingress_busy[message.receiver]:
                    left.append((message, ready))
                    continue
                self.egress_busy[message.sender] = self.ingress_busy[message.receiver] = True
            self._transfer(message, ready, now, self._arrive)
        self.queue = left

    def _transfer(
        self, message: Message, ready: float, now: float, arrive: Callable[[Message, float], None]
    ) -> None:
        end = now + self.transfer_s(message)
        self.transfers.append(Transfer(message, ready, now, end))
        self._at(end, partial(arrive, message))

    def _link_s(self, message: Message) -> float:
        link = self.link.between(message.sender, message.receiver)
        return link.transfer_s(self.message_bytes(message))

    def _arrive(self, message: Message, now: float) -> None:
        self.missing[message.consumer].discard(message)
        if self._has_ports(message):
            self.egress_busy[message.sender] = self.ingress_busy[message.receiver] = False
        self._start_transfers(now)
        self._advance(message.receiver, now)

    def _has_ports(self, message: Message) -> bool:
        return self.link.between(message.sender, message.receiver).ports

    # blocking transfers

    def _meet(self, action: Action, now: float) -> None:
        """Start the transfer if both ends have come to it; otherwise the device waits here."""
        message = self.message_of[action]
        ends = (message.sender, message.send), (message.receiver, message.receive)
        if all(not self.busy[device] and self._current(device) == end for device, end in ends):
            self.busy[message.sender] = self.busy[message.receiver] = True
            self._transfer(message, now, now, self._part)

    def _part(self, message: Message, now: float) -> None:
        self.missing[message.consumer].discard(message)
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
