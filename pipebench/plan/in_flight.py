"""How many microbatches of a stage are between their first forward and their last gradient of weights.

A split cell has memory for whole microbatches: it takes some at a microbatch's first F, and has it back when the last
of its slices has had its W.
"""

from collections import Counter
from collections.abc import Iterable

from pipebench.plan.actions import Action, Operation

_FREES = frozenset({Operation.BACKWARD, Operation.BACKWARD_WEIGHT})


def most_in_flight(units: Iterable[Action]) -> Counter[int]:
    """By stage, the most microbatches at any time.

    Args:
        units: of a device, in program order.
    """
    most: Counter[int] = Counter()
    slices: Counter[tuple[int, int]] = Counter()  # alive, of each stage and microbatch
    flying: Counter[int] = Counter()
    for unit in units:
        key = unit.stage, unit.microbatch
        if unit.operation is Operation.FORWARD:
            flying[unit.stage] += not slices[key]
            slices[key] += 1
            most[unit.stage] = max(most[unit.stage], flying[unit.stage])
        elif unit.operation in _FREES:
            slices[key] -= 1
            flying[unit.stage] -= not slices[key]
    return most
