"""Links between devices.

With ports, a transfer starts when both the sender's egress port and the receiver's ingress port are free, and
holds both for latency + bytes / bandwidth. So a broadcast to seven peers is seven transfers, one after another,
through one egress port. A link without ports is a pure latency that occupies no port.

If no copy engine carries messages, each message costs time of its sender's and its receiver's device. This overhead
is added to their actions, and is part of the message's time.

Links may differ: links between hosts from those inside one host, and any links by a change. A change gives the link
between two devices, or between all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from pipebench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Link:
    """One direction between two devices.

    Args:
        latency_s: seconds that each transfer takes besides its bytes.
        bytes_per_s: bandwidth; infinite if size does not matter.
        ports: whether a transfer occupies its sender's egress port and its receiver's ingress port.
        overhead_s: device time that a message takes on each of its two devices.

    Raises:
        UsageError: A figure is out of range.
    """

    latency_s: float = 0.0
    bytes_per_s: float = inf
    ports: bool = True
    overhead_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.latency_s < inf:
            raise UsageError(f"transfer latency must be a finite number >= 0 s, got {self.latency_s}")
        if not self.bytes_per_s > 0:
            raise UsageError(f"bandwidth must be above 0 bytes/s, got {self.bytes_per_s}")
        if not self.ports and self.bytes_per_s != inf:
            raise UsageError("a link without ports is a pure latency: expected no bandwidth")
        if not 0 <= self.overhead_s < inf:
            raise UsageError(f"message overhead must be a finite number >= 0 s, got {self.overhead_s}")

    def transfer_s(self, size_bytes: float) -> float:
        """Seconds that a message of this size is on the way, without the overhead of its two devices."""
        return max(self.latency_s + size_bytes / self.bytes_per_s - 2 * self.overhead_s, 0.0)

    def dilated(self, factor: float) -> "Link":
        """The link made ``factor`` times slower in all its times."""
        return Link(self.latency_s * factor, self.bytes_per_s / factor, self.ports, self.overhead_s * factor)

    def between(self, sender: int, receiver: int) -> "Link":  # noqa: ARG002 - it is the same between all devices
        """The link between two devices."""
        return self


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A change between two devices, in both directions: a new link, or the old one slower by a factor.

    Args:
        pair: the two devices, the lower one first; ``None`` for every two devices.
        factor: what the time of every message is multiplied by; ``None`` for a new link.
        bytes_per_s: the new link's bandwidth; ``None`` for a pure latency that occupies no port.
        latency_s: the new link's latency; ``None`` for no latency.
    """

    pair: tuple[int, int] | None = None
    factor: float | None = None
    bytes_per_s: float | None = None
    latency_s: float | None = None

    def __post_init__(self) -> None:
        new = (self.bytes_per_s, self.latency_s) != (None, None)
        assert new != (self.factor is not None), "a change is another link, or a factor"

    def concerns(self, sender: int, receiver: int) -> bool:
        """Whether the change holds between two devices."""
        return self.pair is None or self.pair == (min(sender, receiver), max(sender, receiver))

    def made(self, link: Link) -> Link:
        """The link after the change. A new link has no overhead.

        Raises:
            UsageError: Its times are not finite.
        """
        if self.factor is not None:
            return link.dilated(self.factor)
        if self.bytes_per_s is None:
            return latency_only(self.latency_s or 0.0)
        return Link(self.latency_s or 0.0, self.bytes_per_s)


@dataclass(frozen=True, slots=True)
class Topology:
    """One link inside each host, another one between hosts, and changes of some of them.

    Args:
        hosts: the host of each device, such as (0, 0, 1, 1).
        inside: the link between two devices of one host.
        across: the link between two devices of different hosts.
        changes: changes to apply one after the other.
    """

    hosts: tuple[int, ...]
    inside: Link
    across: Link
    changes: tuple[LinkChange, ...] = ()

    def between(self, sender: int, receiver: int) -> Link:
        """The link between two devices."""
        link = self.inside if self.hosts[sender] == self.hosts[receiver] else self.across
        for change in self.changes:
            if change.concerns(sender, receiver):
                link = change.made(link)
        return link


def latency_only(latency_s: float) -> Link:
    """A link that is a pure latency and occupies no port."""
    return Link(latency_s=latency_s, ports=False)


def changed(links: Link | Topology, devices: int, changes: Sequence[LinkChange]) -> Topology:
    """The same links with changes on top of them.

    Args:
        links: the links between the devices, with any earlier changes.
        devices: the number of devices.
        changes: changes to apply one after the other.
    """
    base = links if isinstance(links, Topology) else Topology((0,) * devices, links, links)
    return replace(base, changes=(*base.changes, *changes))
