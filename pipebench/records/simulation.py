"""The record of a simulation: what ``simulate --json`` prints. Schema version 1, see ``schema``."""

from typing import Literal

from pipebench.records.config import check_sharing
from pipebench.records.figures import Bubble, DeviceUsage
from pipebench.records.schema import AtLeastOne, Count, Name, NotNegative, Positive, Schema, Stored
from pipebench.records.spans import TimelineRecord


class StageFactorRecord(Stored, frozen=True):
    """Factors of a stage or a chunk: what its forward takes over ``forward_s``, and its backward over the usual one."""

    forward: NotNegative
    backward: NotNegative


class LinkChangeRecord(Stored, frozen=True):
    """A change of the link between two devices, or of every link where there is no ``pair``.

    Either a ``factor`` of every message's time, or another link: without a bandwidth it occupies no device.
    """

    pair: tuple[Count, Count] | None
    factor: Positive | None
    bytes_per_s: Positive | None
    latency_s: NotNegative | None


class SimulationConfig(Stored, frozen=True):
    """The options of ``simulate`` with the values that were used; seconds are of one action of one stage on one slice.

    ``stages`` counts the devices, those of the softmax too; ``softmax_s`` is a forward of the whole projection.
    ``hosts`` have equal numbers of devices next to each other; ``transfer_between_s`` is a transfer between them, and
    ``None`` if that takes as long as inside a host. ``stage_costs`` has an entry for each stage of layers, and
    ``chunk_costs`` one for each chunk; they are empty where all cost the same, and both factors apply. ``link`` has the
    changes of links, one on top of the other; ``message_bytes`` is the size of every message, where that matters.
    """

    schedule: Name
    stages: AtLeastOne
    microbatches: AtLeastOne
    chunks: AtLeastOne
    forward_s: NotNegative
    backward_s: NotNegative
    backward_input_s: NotNegative | None
    backward_weight_s: NotNegative | None
    transfer_s: NotNegative
    blocking: bool
    softmax_devices: AtLeastOne | Literal["all"] | None = None
    softmax_s: NotNegative | None = None
    hosts: AtLeastOne = 1
    transfer_between_s: NotNegative | None = None
    stage_costs: tuple[StageFactorRecord, ...] = ()
    link: tuple[LinkChangeRecord, ...] = ()
    message_bytes: AtLeastOne | None = None
    chunk_costs: tuple[StageFactorRecord, ...] = ()

    def __post_init__(self) -> None:
        check_sharing(self.softmax_devices, self.stages, "stages")


class SimulationRecord(Stored, frozen=True, kw_only=True):
    """What ``simulate --json`` prints."""

    schema: Schema = Schema()
    kind: Literal["simulation"] = "simulation"
    config: SimulationConfig
    makespan_s: NotNegative
    bubble: Bubble
    devices: list[DeviceUsage]
    timeline: TimelineRecord
