"""How many microbatches of a stage are in flight: between their first forward and their last gradient of weights.

A split cell has memory for whole microbatches. It takes memory at a microbatch's first F, and frees it when all slices
of the microbatch have had their W.
"""

from collections import Counter
from collections.abc import Iterable

from pipebench.plan.actions import Action, Operation

_FREES = frozenset({Operation.BACKWARD, Operation.BACKWARD_WEIGHT})


def most_in_flight(units: Iterable[Action]) -> Counter[int]:
    """The most microbatches in flight at any time, for each stage.

    Args:
        units: the units of a device, in program order.
    """
    most: Counter[int] = Counter()
    slices: Counter[tuple[int, int]] = Counter()  # alive slices of each stage and microbatch
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
