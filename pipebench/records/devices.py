"""What a run was measured on: its devices, the links between them, the machine that is emulated."""

from typing import Annotated

from msgspec import Meta, field

from pipebench.plan.device_kind import DeviceKind
from pipebench.records.schema import AtLeastOne, Count, Name, NotNegative, Positive, Stored


class RankRecord(Stored, frozen=True):
    """Where a rank was, in a run that a launcher of several machines started; ``uuid`` and ``pci`` are its GPU's."""

    host: Name
    local_rank: Count
    name: str
    uuid: str | None = None
    pci: str | None = None


class MessageTimeRecord(Stored, frozen=True):
    """The time of messages of one size: the median of half the way there and back."""

    size_bytes: Count
    one_way_s: Positive


class HostLinkRecord(Stored, frozen=True):
    """The link between two ranks, inside a host (which is then named twice) or between two hosts.

    ``bytes_per_s`` is ``None`` where a larger message took no longer.
    """

    hosts: tuple[Name, Name]
    ranks: tuple[Count, Count]
    latency_s: Positive
    bytes_per_s: Positive | None
    times: list[MessageTimeRecord]


class Device(Stored, frozen=True, omit_defaults=True):
    """What the pipeline's devices are. Without a GPU the name is the CPU's model.

    ``ranks``, in their order, are there if torchrun or Slurm started them; ``links`` is what lies between them.
    """

    kind: DeviceKind
    count: AtLeastOne
    names: Annotated[list[str], Meta(min_length=1)]
    ranks: list[RankRecord] = field(default_factory=list)
    links: list[HostLinkRecord] = field(default_factory=list)


class LinkRecord(Stored, frozen=True):
    """A machine's link: its own figures, and the same on the host's scale (dilated).

    ``overhead_s`` is the device time that a message takes from each of its ends; ``bytes_per_s`` is ``None``
    where size makes no difference.
    """

    latency_s: NotNegative
    bytes_per_s: Positive | None
    host_latency_s: NotNegative | None = None
    host_bytes_per_s: Positive | None = None
    overhead_s: NotNegative = 0.0


class MachineRecord(Stored, frozen=True):
    """The emulated machine; ``time_dilation`` = card speed / host speed, on the same work.

    Figures that are measured on this host are ``None`` where the run ended before that.
    """

    name: Name
    card: str
    source: str
    card_flops_per_s: Positive | None
    host_flops_per_s: Positive | None
    time_dilation: Positive | None
    link: LinkRecord | None
