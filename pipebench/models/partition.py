"""Partitions: how many of the model's layers each device holds. Pure.

The model's opening goes to the first device. Its head goes to the last, which may then hold no layer.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import inf

from pipebench.errors import UsageError
from pipebench.models.outline import Outline, Row, Slice

_MOST_SHOWN = 16  # counts in a hint
_ALIKE = 0.03  # equal GPUs differ by as much from one measurement to the next


def even(row: Row, devices: int, beside: int = 0) -> tuple[int, ...]:
    """Split the layers as equally as possible; the first devices take the remainder, since the last one has the head.

    Args:
        row: what is cut.
        devices: that have layers.
        beside: devices of the run that have none, since they share the head.
    """
    check_devices(row, devices, beside)
    share, rest = divmod(row.layers, devices)
    return tuple(share + (device < rest) for device in range(devices))


def check_devices(row: Row, devices: int, beside: int = 0) -> None:
    """Refuse more devices than layers; ``beside`` is how many devices of the run have no layers.

    Raises:
        UsageError: There are more devices than layers.
    """
    layers = row.layers
    if devices > layers:
        hint = ""
        if row.head and devices == layers + 1 and layers <= _MOST_SHOWN:
            ending = ",".join(["1"] * layers + ["0"])
            hint = f", or --partition {ending} for a device with the {row.head} alone"
        elif row.head and not beside:
            hint = f", or --softmax-devices {devices - layers} for devices that share the {row.head}"
        more = f"more {row.option}" if row.option else "cut the model into more layers"
        noun = row.noun.removesuffix("s") if layers == 1 else row.noun
        less = f" ({devices + beside} less {beside} for the softmax)" if beside else ""
        raise UsageError(
            f"{devices} devices for {layers} {noun}{less}: expected at most {layers}; use --gpus {layers + beside} or "
            f"{more}{hint}"
        )


def explicit(text: str, row: Row, devices: int, beside: int = 0) -> tuple[int, ...]:
    """Read a partition such as ``3,2,2,1``.

    Raises:
        UsageError: The text is no list of counts, or the counts do not fit the model and ``devices``.
    """
    partition = counts(text)
    check_partition(partition, row, devices, beside)
    return partition


def counts(text: str) -> tuple[int, ...]:
    """Read a list of counts.

    Raises:
        UsageError: The text is no such list.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--partition: expected even, balanced or a list of layer counts such as 3,2,2,1, got {text!r}"
        ) from None


def check_partition(partition: Sequence[int], row: Row, devices: int, beside: int = 0) -> None:
    """Refuse a partition that does not fit, and name the rule that it breaks.

    Raises:
        UsageError: The number of counts, a count or their sum is wrong.
    """
    shown = ",".join(map(str, partition))
    if len(partition) != devices:
        each = (
            f"one for each of the {devices + beside} devices that is not for the softmax"
            if beside
            else "one a device"
        )
        raise UsageError(f"--partition {shown}: expected {devices} counts, {each}, got {len(partition)}")
    least = 0 if row.head else 1
    if any(count < 1 for count in partition[:-1]) or partition[-1] < least or partition[0] < 1:
        only = " (only the last may have 0)" if row.head else ""
        raise UsageError(f"--partition {shown}: expected at least 1 layer on each device{only}")
    if sum(partition) != row.layers:
        raise UsageError(
            f"--partition {shown}: expected counts that sum to {row.layers} layers, got {sum(partition)}"
        )


def balanced(
    row: Row,
    layer_costs: Sequence[float],
    devices: int,
    *,
    opening: float = 0.0,
    head: float = 0.0,
    speeds: Sequence[float] = (),
) -> tuple[int, ...]:
    """The partition whose slowest device is fastest, by dynamic programming over the last cut.

    Args:
        row: what is cut.
        layer_costs: one cost for each layer, in any unit.
        devices: at most the number of layers, or one more where there is a head (then the last one has that alone).
        opening: what the first device pays on top.
        head: what the last device pays on top.
        speeds: of the devices in their order, above 0, in any unit; by default equal.
    """
    layers = row.layers
    check_balanced(row, devices)
    speeds = speeds or [1.0] * devices
    assert len(speeds) == devices, "a speed for each device that has layers"
    sums = [0.0, *accumulate(layer_costs)]
    slowest = [(total + opening + head * (devices == 1)) / speeds[0] for total in sums]  # by number of layers
    cuts = []
    for device in range(1, devices):
        last = device == devices - 1
        least = 0 if last and row.head else 1
        slowest, cut_before = _with_device(
            sums, slowest, device, least, on_top=head * last, speed=speeds[device]
        )
        cuts.append(cut_before)
    ends = [layers]
    for cut_before in reversed(cuts):
        ends.append(cut_before[ends[-1]])
    return tuple(end - first for first, end in pairwise([0, *reversed(ends)]))


def _with_device(
    sums: Sequence[float], slowest: Sequence[float], device: int, least: int, *, on_top: float, speed: float
) -> tuple[list[float], Sequence[int]]:
    """Add a device: the slowest time of devices 0 to ``device`` for layers 0 to each end, and where its layers begin.

    A later cut takes layers from this device and gives them to those before. If devices differ in speed, those before
    may be faster with one layer more. Then a cut no longer counts once a later one makes them faster. Over the cuts
    that count, the time of those before grows and the time of this device falls. The best cut is where the two meet,
    and that place moves up with the end.
    """
    best, begins = [inf] * len(sums), array("i", [0]) * len(sums)
    cuts: list[int] = []  # those that count
    meeting = 0  # the first of them at which this device is no slower than those before
    for end in range(device + least, len(sums)):
        newest = end - least
        while cuts and slowest[cuts[-1]] > slowest[newest]:
            cuts.pop()
        meeting = min(meeting, len(cuts))
        cuts.append(newest)
        while (
            meeting < len(cuts)
            and (sums[end] - sums[cuts[meeting]] + on_top) / speed > slowest[cuts[meeting]]
        ):
            meeting += 1
        for cut in cuts[max(meeting - 1, 0) : meeting + 1]:
            time = max(slowest[cut], (sums[end] - sums[cut] + on_top) / speed)
            if time < best[end]:
                best[end], begins[end] = time, cut
    return best, begins


def relative_speeds(measured: Sequence[float]) -> tuple[float, ...]:
    """Speeds relative to the fastest one.

    A measurement cannot tell apart speeds that differ by less than 3 %. So, from the fastest one down, all speeds less
    than 3 % below it count as equal to it; the next slower one then begins another such group.

    Args:
        measured: of the devices in their order, above 0, in any unit.
    """
    level = {}  # for each speed the fastest one of its group
    leader = inf
    for speed in sorted(measured, reverse=True):
        leader = leader if speed > leader * (1 - _ALIKE) else speed
        level[speed] = leader
    return tuple(level[speed] / max(measured) for speed in measured)


def check_balanced(row: Row, devices: int, beside: int = 0) -> None:
    """Refuse more devices than layers; one more is allowed if it may hold the head alone.

    Raises:
        UsageError: There are too many devices.
    """
    if devices > row.layers + bool(row.head):
        check_devices(row, devices, beside)


def computed_balanced(outline: Outline, row: Row, devices: int) -> tuple[int, ...]:
    """The balanced partition by computed costs of the layers, which a dry run knows without measuring."""
    costs = [
        outline.step_s(Slice(layer, layer + 1, opens=False, closes=False), 1.0) for layer in range(row.layers)
    ]
    opening, head = (
        outline.step_s(Slice(0, 0, opens=opens, closes=not opens), 1.0) for opens in (True, False)
    )
    return balanced(row, costs, devices, opening=opening, head=head if row.head else 0.0)
