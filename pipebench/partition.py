"""Partitions: how many LSTM layers each device holds. Pure.

The embedding goes with the first device and the projection with the last, which may hold no LSTM layer.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import inf

from pipebench.errors import UsageError
from pipebench.workload import StageLayers, Workload


def even(layers: int, devices: int) -> tuple[int, ...]:
    """As equal as can be; the first devices take the remainder, since the last one has the projection."""
    check_devices(layers, devices)
    share, rest = divmod(layers, devices)
    return tuple(share + (device < rest) for device in range(devices))


def check_devices(layers: int, devices: int) -> None:
    """Refuse more devices than layers."""
    if devices > layers:
        hint = ""
        if devices == layers + 1 and layers <= 16:
            ending = ",".join(["1"] * layers + ["0"])
            hint = f", or --partition {ending} for a device with the projection alone"
        raise UsageError(
            f"{devices} devices for {layers} LSTM layers: expected at most {layers}; use --gpus {layers} or more "
            f"--layers{hint}"
        )


def explicit(text: str, layers: int, devices: int) -> tuple[int, ...]:
    """Read ``3,2,2,1``.

    Raises:
        UsageError: Not a list of counts, or not one that fits ``layers`` and ``devices``.
    """
    try:
        partition = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--partition: expected even, balanced or a list of layer counts such as 3,2,2,1, got {text!r}"
        ) from None
    check_partition(partition, layers, devices)
    return partition


def check_partition(partition: Sequence[int], layers: int, devices: int) -> None:
    """Refuse a partition that does not fit, with the rule it breaks."""
    shown = ",".join(map(str, partition))
    if len(partition) != devices:
        raise UsageError(
            f"--partition {shown}: expected {devices} counts, one a device, got {len(partition)}"
        )
    if any(count < 1 for count in partition[:-1]) or partition[-1] < 0 or partition[0] < 1:
        raise UsageError(
            f"--partition {shown}: expected at least 1 layer on each device (only the last may have 0)"
        )
    if sum(partition) != layers:
        raise UsageError(
            f"--partition {shown}: expected counts that sum to {layers} layers, got {sum(partition)}"
        )


def stage_layers(partition: Sequence[int]) -> tuple[StageLayers, ...]:
    """The slice of the model for each stage."""
    ends = list(accumulate(partition))
    last = len(ends) - 1
    return tuple(
        StageLayers(first, end, embedding=stage == 0, projection=stage == last)
        for stage, (first, end) in enumerate(pairwise([0, *ends]))
    )


def balanced(
    layer_costs: Sequence[float], devices: int, *, embedding: float = 0.0, projection: float = 0.0
) -> tuple[int, ...]:
    """The partition whose slowest device is fastest, by dynamic programming over the last cut.

    Args:
        layer_costs: one cost for each LSTM layer, in any unit.
        devices: at most the number of layers, or one more (then the last one has the projection alone).
        embedding: what the first device pays on top.
        projection: what the last device pays on top.
    """
    layers = len(layer_costs)
    if devices > layers + 1:
        check_devices(layers, devices)
    sums = [0.0, *accumulate(layer_costs)]
    slowest = [
        total + embedding + projection * (devices == 1) for total in sums
    ]  # of layers 0 to end on one device
    cuts = []
    for device in range(1, devices):
        last = device == devices - 1
        slowest, cut_before = _with_device(sums, slowest, device, 0 if last else 1, projection * last)
        cuts.append(cut_before)
    ends = [layers]
    for cut_before in reversed(cuts):
        ends.append(cut_before[ends[-1]])
    return tuple(end - first for first, end in pairwise([0, *reversed(ends)]))


def _with_device(
    sums: Sequence[float], slowest: Sequence[float], device: int, least: int, on_top: float
) -> tuple[list[float], Sequence[int]]:
    """For layers 0 to each end: the load of the slowest of devices 0 to ``device``, and where that one's layers begin.

    What a later cut takes from this device it gives to those before. The best cut is where the two loads meet, and
    that place moves up with the end.
    """
    best, begins = [inf] * len(sums), array("i", [0]) * len(sums)
    meeting = device  # the first cut at which this device is no slower than those before
    for end in range(device + least, len(sums)):
        while meeting <= end - least and sums[end] - sums[meeting] + on_top > slowest[meeting]:
            meeting += 1
        for cut in (meeting - 1, meeting):
            load = max(slowest[cut], sums[end] - sums[cut] + on_top) if device <= cut <= end - least else inf
            if load < best[end]:
                best[end], begins[end] = load, cut
    return best, begins


def computed_balanced(workload: Workload, devices: int) -> tuple[int, ...]:
    """The balanced partition by computed operations: what a dry run knows without measuring."""
    layer = workload.step_flops(StageLayers(0, 1, embedding=False, projection=False))
    projection = workload.step_flops(StageLayers(0, 0, embedding=False, projection=True))
    return balanced([layer] * workload.layers, devices, projection=projection)
