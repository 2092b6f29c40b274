"""The places of actions that no schedule orders: the shards of a softmax, and the loss that joins them.

A schedule orders the chain. The rest is put between the chain's actions by list scheduling: a step is run on paper with
the graph's own costs (a backward twice its forward, a message a fifth of a forward), and whenever a device has nothing
to do it takes one of the actions that can start, in one of two ways:

    rest first    of the rest what the last stage of the chain needs soonest, else the chain's next one
    chain first   the other way round

The order that comes of it is the plan. It is rest first unless the step on paper is shorter by more than a hundredth
and a half with chain first. Shards that run early feed the backward soon, and their results are not kept for long;
shards that run late fill the pauses of the chain, and a device keeps up to twice as many slices. Which one is faster
depends on the sizes: with free messages gpipe's step is within a fiftieth of the shortest there is with rest first,
K - 1 + M (1 + S / K) forwards with their backwards where K devices share a softmax of S forwards, and up to a sixth
longer with chain first; with the messages of an emulated machine chain first is often 2 to 3 hundredths faster.

If messages took no time on paper, what needs one would stand where it just so arrives, and every device would wait for
each of them when they do take time, as long as it takes. ``benchmarks/shared-softmax`` has the figures.
"""

import heapq
from collections import defaultdict
from itertools import count

from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import units_of
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan

_COST = {  # over a forward's
    Operation.FORWARD: 1.0,
    Operation.BACKWARD: 2.0,
    Operation.BACKWARD_INPUT: 1.0,
    Operation.BACKWARD_WEIGHT: 1.0,
}
MESSAGE = 0.2  # of a forward of the chain
_WORTH_MEMORY = 0.985  # of the step that keeps fewer slices
_Urgency = tuple[int, int, int]


def placed(graph: Graph, chain: Plan, *, rest_first: bool | None = None) -> Plan:
    """The chain's plan with the rest of the graph in it.

    Args:
        graph: with stages beyond its chain, and no work beyond its slices'.
        chain: the plan of ``graph.chain_alone``.
        rest_first: what a device takes that can go on with either; by default as the step on paper says.
    """
    assert not graph.clips, "what belongs to no slice has no place to be found"
    if rest_first is not None:
        return _Placing(graph, chain, rest_first=rest_first).run()
    rest, late = (_Placing(graph, chain, rest_first=first) for first in (True, False))
    plan, other = rest.run(), late.run()
    return other if late.end < _WORTH_MEMORY * rest.end else plan


class _Placing:
    """One run: what each device does next is decided when it has nothing to do."""

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
            met = set()  # devices on which something happened: no other one can start anything
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
        """How soon the last stage of the chain runs the backward of each (microbatch, chunk)."""
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
        """One of the rest can start from now on, once nothing is missing for it."""
        if not self.missing[action] and action.stage >= self.graph.chain:
            heapq.heappush(self.rest[self.graph.device(action)], (self._urgency(action), action))

    def _urgency(self, action: Action) -> _Urgency:
        """The weight's half of a backward is for whenever nothing else is there."""
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
        """Of the chain, whose cells are of what does not need each other."""
        return not any(self.missing[unit] for unit in units_of(self.graph, action))

    def _next(self, device: int) -> Action | None:
        if self.rest_first and self.rest[device]:
            return heapq.heappop(self.rest[device])[1]
        program, position = self.chain[device], self.position[device]
        if position < len(program) and self._can_start(program[position]):
            self.position[device] += 1
            return program[position]
        return heapq.heappop(self.rest[device])[1] if self.rest[device] else None
