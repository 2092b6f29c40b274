"""The record of a simulation: what ``simulate --json`` prints. Schema version 1, as ``schema``."""

from typing import Literal

from pipebench.records.config import check_sharing
from pipebench.records.figures import Bubble, DeviceUsage
from pipebench.records.schema import AtLeastOne, Count, Name, NotNegative, Positive, Schema, Stored
from pipebench.records.spans import TimelineRecord


class StageFactorRecord(Stored, frozen=True):
    """How many times as long as ``forward_s`` and the backward's figures a stage, or a chunk, takes."""

    forward: NotNegative
    backward: NotNegative


class LinkChangeRecord(Stored, frozen=True):
    """What is different between two devices, or between every two where there is no ``pair``.

    Either a ``factor`` of every message's time, or another link: without a bandwidth it occupies nobody.
    """

    pair: tuple[Count, Count] | None
    factor: Positive | None
    bytes_per_s: Positive | None
    latency_s: NotNegative | None


class SimulationConfig(Stored, frozen=True):
    """The options of ``simulate``, decided; seconds of one action of one stage on one slice.

    ``stages`` counts the devices, those of the softmax too; ``softmax_s`` is a forward of the whole projection.
    ``hosts`` have equal numbers of devices next to each other; ``transfer_between_s`` is between them, ``None`` as
    inside one. ``stage_costs`` has an entry for each stage of layers, or none where all cost the same, ``chunk_costs``
    one for each chunk; both count. ``link`` has the changes of links, one on top of the other; every message has
    ``message_bytes``, where that makes a difference.
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
