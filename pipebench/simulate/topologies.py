"""The links between the ranks of a run on several hosts, as they were measured, for the simulator."""

from itertools import groupby, pairwise
from typing import NamedTuple

from pipebench.errors import UsageError
from pipebench.records.devices import Device, HostLinkRecord
from pipebench.records.run import RunRecord
from pipebench.timing.links import Link, Topology, latency_only


def topology_of(device: Device, message_bytes: int) -> Topology | None:
    """The links for messages of one size; ``None`` if none was measured. Inside and between hosts the slowest counts.

    Args:
        device: the devices of a record.
        message_bytes: the size of a message.
    """
    if not device.links:
        return None
    inside = [link_for(link, message_bytes) for link in device.links if link.hosts[0] == link.hosts[1]]
    across = [link_for(link, message_bytes) for link in device.links if link.hosts[0] != link.hosts[1]]
    numbers = {host: number for number, host in enumerate(dict.fromkeys(rank.host for rank in device.ranks))}
    return Topology(
        hosts=tuple(numbers[rank.host] for rank in device.ranks),
        inside=_slowest(inside, message_bytes),
        across=_slowest(across, message_bytes),
    )


class Between(NamedTuple):
    """Equal numbers of devices on some hosts, and the seconds of a message inside a host and across."""

    devices: int
    hosts: int
    inside_s: float
    across_s: float


def between_hosts(record: RunRecord) -> Between:
    """What the largest message of a run took between its ranks.

    Raises:
        UsageError: It was no run that torchrun or Slurm started, or its hosts have unequal numbers of ranks.
    """
    transfers = record.timeline.transfers if record.timeline is not None else []
    size = max((transfer.bytes or 0 for transfer in transfers), default=0)
    topology = topology_of(record.device, size)
    if topology is None:
        raise UsageError(
            f"{record.id}: expected a run that torchrun or Slurm started, with measured links, found one of a single "
            "machine: give --transfer instead"
        )
    runs = [len(list(ranks)) for _, ranks in groupby(topology.hosts)]
    if len(set(runs)) > 1 or len(runs) != len(set(topology.hosts)):
        raise UsageError(
            f"{record.id}: expected hosts with equal numbers of ranks next to each other, found {runs}: give --hosts, "
            "--transfer and --transfer-between instead"
        )
    return Between(
        record.device.count, len(runs), topology.inside.transfer_s(size), topology.across.transfer_s(size)
    )


def link_for(measured: HostLinkRecord, message_bytes: int) -> Link:
    """A link for messages of one size: where most of their time is latency, they do not wait for each other."""
    whole_s = one_way_s(measured, message_bytes)
    beyond_s = max(whole_s - measured.latency_s, 0.0)
    if beyond_s <= measured.latency_s:
        return latency_only(whole_s)
    return Link(latency_s=measured.latency_s, bytes_per_s=message_bytes / beyond_s)


def one_way_s(measured: HostLinkRecord, message_bytes: int) -> float:
    """Seconds of a message one way: in proportion between measured sizes.

    A smaller message takes as long as the smallest; beyond the largest, the line through the last two goes on.
    """
    times = measured.times
    if message_bytes <= times[0].size_bytes or len(times) == 1:
        return times[0].one_way_s
    before, after = next(
        (pair for pair in pairwise(times) if message_bytes <= pair[1].size_bytes), (times[-2], times[-1])
    )
    slope = (after.one_way_s - before.one_way_s) / (after.size_bytes - before.size_bytes)
    return max(before.one_way_s + slope * (message_bytes - before.size_bytes), times[0].one_way_s)


def _slowest(links: list[Link], message_bytes: int) -> Link:
    return max(links, key=lambda link: link.transfer_s(message_bytes), default=Link())
