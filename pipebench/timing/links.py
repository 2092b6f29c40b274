"""Links between devices.

A link with ports: a transfer starts when both the sender's egress port and the receiver's ingress port are
free, and holds both for latency + bytes / bandwidth. So a broadcast to seven peers is seven transfers, one
after another, through one egress port. A link without ports is a pure latency that occupies nobody.
"""

from dataclasses import dataclass
from math import inf

from pipebench.errors import UsageError


@dataclass(frozen=True, slots=True)
class Link:
    """One direction between two devices.

    Args:
        latency_s: seconds that each transfer takes besides its bytes.
        bytes_per_s: bandwidth; infinite where size does not matter.
        ports: whether a transfer occupies its sender's egress and its receiver's ingress port.
    """

    latency_s: float = 0.0
    bytes_per_s: float = inf
    ports: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.latency_s < inf:
            raise UsageError(f"transfer latency must be a finite number >= 0 s, got {self.latency_s}")
        if not self.bytes_per_s > 0:
            raise UsageError(f"bandwidth must be above 0 bytes/s, got {self.bytes_per_s}")
        if not self.ports and self.bytes_per_s != inf:
            raise UsageError("a link without ports is a pure latency: expected no bandwidth")

    def transfer_s(self, size_bytes: int) -> float:
        """How long a message of this size is on the way, once it has started."""
        return self.latency_s + size_bytes / self.bytes_per_s

    def dilated(self, factor: float) -> "Link":
        """The link as a host sees it on which time runs ``factor`` times slower."""
        return Link(self.latency_s * factor, self.bytes_per_s / factor, self.ports)


def latency_only(latency_s: float) -> Link:
    """A pure latency that occupies neither end."""
    return Link(latency_s=latency_s, ports=False)
