"""The order in which one real device runs the actions of all emulated devices.

    dependence   by the time at which they would start side by side, if F, I and W each took the same time
    device       as many actions as possible of one device, then those of the next device that can go on

Emulated devices share a cache; each real device has its own. If one device runs for long, it finds its weights in the
cache, as a real device would: ``benchmarks/emulation-order`` has the figures. To run longer, a device may skip actions
that still wait for other devices, and run them later. It may keep no more slices for its backwards than the plan does.
Actions of the same stage and operation keep their order, so all stages compute the same results.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

from pipebench.plan.actions import COMPUTE, Action, Operation
from pipebench.plan.cells import inputs_of_cell, units_in, units_of
from pipebench.plan.check import stage_peaks
from pipebench.plan.plan import Plan
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate

_Kind = tuple[int, Operation]  # stage and operation


def cells_by_unit(plan: Plan) -> dict[Action, Action]:
    """The compute action that each unit of a plan belongs to."""
    computes = (action for program in plan.programs for action in program if action.operation in COMPUTE)
    return {unit: action for action in computes for unit in units_of(plan.graph, action)}


def interleave(plan: Plan, order: str) -> list[tuple[int, Action]]:
    """Device and action, in the order in which they run; ``order`` is ``dependence`` or ``device``."""
    if order == "dependence":
        costs = UniformCosts(1, backward=2, backward_input=1, backward_weight=1)
        spans = simulate(plan, costs).spans
        return [(span.device, span.action) for span in sorted(spans, key=lambda s: (s.start_s, s.device))]
    assert order == "device", order
    return list(_by_device(plan))


def _by_device(plan: Plan) -> Iterator[tuple[int, Action]]:
    done: set[Action] = set()
    devices = [_Device(plan, device, done) for device in range(len(plan.programs))]
    while any(device.is_left for device in devices):
        for number, device in enumerate(devices):
            for action in device.run():
                yield number, action


class _Device:
    """What one device has left to do.

    Args:
        plan: the plan of all devices.
        device: the device's number.
        done: units that have run, on any device; ``run`` adds to it.
    """

    def __init__(self, plan: Plan, device: int, done: set[Action]) -> None:
        self.graph, self.done = plan.graph, done
        program = [action for action in plan.programs[device] if action.operation in COMPUTE]
        self.queues: dict[_Kind, deque[tuple[int, Action]]] = defaultdict(deque)
        for place, action in enumerate(program):
            self.queues[_kind(action)].append((place, action))
        self.most = stage_peaks(units_in(self.graph, program))
        self.alive: dict[int, int] = defaultdict(int)
        self.inputs = {action: inputs_of_cell(self.graph, action) for action in program}
        self.units = {action: units_of(self.graph, action) for action in program}
        self.last: _Kind | None = None

    @property
    def is_left(self) -> bool:
        """Whether any action is left."""
        return bool(self.queues)

    def run(self) -> Iterator[Action]:
        """Take and give all actions that can run now, one after the other."""
        while (kind := self._next()) is not None:
            _, action = self.queues[kind].popleft()
            if not self.queues[kind]:
                del self.queues[kind]
            self.done.update(self.units[action])
            self.alive[action.stage] += _change(self.units[action])
            self.last = kind
            yield action

    def _next(self) -> _Kind | None:
        """The kind to run next: the last one again, or else the one that comes first in the program."""
        if self.last is not None and self._can(self.last):
            return self.last
        able = [kind for kind in self.queues if self._can(kind)]
        return min(able, key=lambda kind: self.queues[kind][0][0], default=None)

    def _can(self, kind: _Kind) -> bool:
        """Whether the next action of a kind has its inputs, and the stage then keeps no more slices than planned."""
        if kind not in self.queues:
            return False
        _, action = self.queues[kind][0]
        if self.alive[action.stage] + _change(self.units[action]) > self.most[action.stage]:
            return False
        return all(needed in self.done for needed in self.inputs[action])


def _kind(action: Action) -> _Kind:
    return action.stage, action.operation


def _change(units: Iterable[Action]) -> int:
    """By how many the slices that a stage keeps grow."""
    return sum(_CHANGES.get(unit.operation, 0) for unit in units)


_CHANGES = {Operation.FORWARD: 1, Operation.BACKWARD: -1, Operation.BACKWARD_WEIGHT: -1}
