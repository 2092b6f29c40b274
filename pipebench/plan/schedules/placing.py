"""Place the actions that no schedule orders: the shards of a softmax, and the loss that joins them.

A schedule orders the chain. The rest is put between the chain's actions by list scheduling. A step is run on paper with
the graph's own costs: a backward takes twice its forward, a message a fifth of a forward. Whenever a device has nothing
to do, it takes one of the actions that can start, in one of two ways:

    rest first    the action of the rest that the last stage of the chain needs soonest, else the chain's next action
    chain first   the chain's next action, else one of the rest

The order on paper is the plan. It is that of rest first, unless chain first makes the step on paper more than 1.5 %
shorter. With rest first shards run early. They feed the backward soon, and their results are not kept for long. With
chain first shards run late and fill the pauses of the chain, and a device keeps up to twice as many slices.

Which way is faster depends on the sizes. If K devices share a softmax of S forwards, the shortest possible step takes
K - 1 + M (1 + S / K) forwards with their backwards. With gpipe and free messages, rest first comes within 2 % of that,
and chain first takes up to a sixth longer. With the messages of an emulated machine, chain first is often 2 to 3 %
faster.

If messages took no time on paper, the consumer of a message would stand right where the message arrives. Since messages
do take time, each device would then wait for all of each message's time. ``benchmarks/shared-softmax`` has the figures.
"""

import heapq
from collections import defaultdict
from itertools import count

from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import units_of
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan

_COST = {  # as a multiple of a forward's cost
    Operation.FORWARD: 1.0,
    Operation.BACKWARD: 2.0,
    Operation.BACKWARD_INPUT: 1.0,
    Operation.BACKWARD_WEIGHT: 1.0,
}
MESSAGE = 0.2  # of a forward of the chain
_WORTH_MEMORY = 0.985  # a step must be shorter than this share of another one to be worth keeping more slices
_Urgency = tuple[int, int, int]


def placed(graph: Graph, chain: Plan, *, rest_first: bool | None = None) -> Plan:
    """The chain's plan with the rest of the graph in it.

    Args:
        graph: a graph with stages beyond its chain, without work of no slice.
        chain: the plan of ``graph.chain_alone``.
        rest_first: whether a device takes the rest first; by default the step on paper decides.
    """
    assert not graph.clips, "what belongs to no slice has no place to be found"
    if rest_first is not None:
        return _Placing(graph, chain, rest_first=rest_first).run()
    rest, late = (_Placing(graph, chain, rest_first=first) for first in (True, False))
    plan, other = rest.run(), late.run()
    return other if late.end < _WORTH_MEMORY * rest.end else plan


class _Placing:
    """One step on paper: whenever a device has nothing to do, its next action is chosen."""

    def __init__(self, graph: Graph, chain: Plan, *, rest_first: bool) -> None:
        self.graph, self.rest_first = graph, rest_first
        self.chain = [chain.program(device) for device in range(graph.devices)]
        self.position = [0] * graph.devices
        self.idle = [True] * graph.devices
        self.rest: list[list[tuple[_Urgency, Action]]] = [[] for _ in range(graph.devices)]
        self.programs: list[list[Action]] = [[] for _ in range(graph.devices)]
        self.missing: dict[Action, int] = {}
        self.needed_by: dict[Action, list[Action]] = defaultdict(list)
        self.due = self._when_due(chain)
        self.message = MESSAGE * sum(graph.work[: graph.chain]) / graph.chain
        self.end = 0.0  # of the step on paper
        self.events: list[tuple[float, int, Action, Action | None]] = []
        self.sequence = count()

    def run(self) -> Plan:
        for action in self.graph.actions():
            inputs = inputs_of(self.graph, action)
            self.missing[action] = len(inputs)
            for needed in inputs:
                self.needed_by[needed].append(action)
            self._offer(action)
        for device in range(self.graph.devices):
            self._start(device, 0.0)
        while self.events:
            now = self.end = self.events[0][0]
            met = set()  # devices on which something happened; only these may be able to start an action
            while self.events and self.events[0][0] == now:
                _, _, action, waiting = heapq.heappop(self.events)
                if waiting is None:
                    self._end(action, now)
                else:
                    self._arrive(waiting)
                met.add(self.graph.device(waiting or action))
            for device in sorted(met):
                self._start(device, now)
        return Plan(self.graph, tuple(map(tuple, self.programs)))

    def _when_due(self, chain: Plan) -> dict[tuple[int, int], int]:
        """The turn in which the last stage of the chain runs the backward of each (microbatch, chunk)."""
        last = self.graph.chain - 1
        backwards = [
            (action.microbatch, action.chunk)
            for action in chain.program(self.graph.device_of[last])
            if action.stage == last and action.operation is self.graph.operations[1]
        ]
        return {slice_: turn for turn, slice_ in enumerate(backwards)}

    def _end(self, action: Action, now: float) -> None:
        device = self.graph.device(action)
        self.idle[device] = True
        for waiting in [each for unit in units_of(self.graph, action) for each in self.needed_by[unit]]:
            if self.graph.device(waiting) == device:
                self._arrive(waiting)
            else:
                heapq.heappush(self.events, (now + self.message, next(self.sequence), action, waiting))

    def _arrive(self, waiting: Action) -> None:
        self.missing[waiting] -= 1
        self._offer(waiting)

    def _offer(self, action: Action) -> None:
        """Let an action of the rest start from now on, if it has all its inputs."""
        if not self.missing[action] and action.stage >= self.graph.chain:
            heapq.heappush(self.rest[self.graph.device(action)], (self._urgency(action), action))

    def _urgency(self, action: Action) -> _Urgency:
        """The order in which actions of the rest are taken; a W comes after all others."""
        late = action.operation is Operation.BACKWARD_WEIGHT
        due = self.due.get((action.microbatch, action.chunk), len(self.due))
        return int(late), due, -action.stage

    def _start(self, device: int, now: float) -> None:
        if not self.idle[device]:
            return
        action = self._next(device)
        if action is None:
            return
        self.idle[device] = False
        self.programs[device].append(action)
        end = now + self.graph.work[action.stage] * _COST[action.operation] * action.slices
        heapq.heappush(self.events, (end, next(self.sequence), action, None))

    def _can_start(self, action: Action) -> bool:
        """Whether an action of the chain has all its inputs; units of one cell do not need each other here."""
        return not any(self.missing[unit] for unit in units_of(self.graph, action))

    def _next(self, device: int) -> Action | None:
        if self.rest_first and self.rest[device]:
            return heapq.heappop(self.rest[device])[1]
        program, position = self.chain[device], self.position[device]
        if position < len(program) and self._can_start(program[position]):
            self.position[device] += 1
            return program[position]
        return heapq.heappop(self.rest[device])[1] if self.rest[device] else None
