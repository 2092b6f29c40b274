"""The order in which one real device runs the actions of all emulated devices.

    dependence   as they would start side by side, if F, I and W each took as long
    device       as long as possible on one device, then on the next that can go on

Emulated devices share a cache; a real one has its own. What runs long on one device finds its weights there, as a real
device would: ``benchmarks/emulation-order`` has the figures. To run longer, a device may leave out of its program what
still waits for others, as long as it keeps no more for its backwards than the plan does. Of each operation of a stage
the program's order is kept, so all stages compute what they would compute.
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
    """The compute action of a plan that each unit is of."""
    computes = (action for program in plan.programs for action in program if action.operation in COMPUTE)
    return {unit: action for action in computes for unit in units_of(plan.graph, action)}


def interleave(plan: Plan, order: str) -> list[tuple[int, Action]]:
    """Device and action, in the order in which they run: ``dependence`` or ``device``."""
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
        plan: of all devices.
        device: which of them.
        done: units, of all devices.
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
        """Whether there is anything."""
        return bool(self.queues)

    def run(self) -> Iterator[Action]:
        """All that it can do now."""
        while (kind := self._next()) is not None:
            _, action = self.queues[kind].popleft()
            if not self.queues[kind]:
                del self.queues[kind]
            self.done.update(self.units[action])
            self.alive[action.stage] += _change(self.units[action])
            self.last = kind
            yield action

    def _next(self) -> _Kind | None:
        """More of what it did last, or what comes first in its program."""
        if self.last is not None and self._can(self.last):
            return self.last
        able = [kind for kind in self.queues if self._can(kind)]
        return min(able, key=lambda kind: self.queues[kind][0][0], default=None)

    def _can(self, kind: _Kind) -> bool:
        """Whether the next one of a stage's operation has its inputs, and leaves no more alive than the plan would."""
        if kind not in self.queues:
            return False
        _, action = self.queues[kind][0]
        if self.alive[action.stage] + _change(self.units[action]) > self.most[action.stage]:
            return False
        return all(needed in self.done for needed in self.inputs[action])


def _kind(action: Action) -> _Kind:
    return action.stage, action.operation


def _change(units: Iterable[Action]) -> int:
    """Of the slices that a stage keeps."""
    return sum(_CHANGES.get(unit.operation, 0) for unit in units)


_CHANGES = {Operation.FORWARD: 1, Operation.BACKWARD: -1, Operation.BACKWARD_WEIGHT: -1}
