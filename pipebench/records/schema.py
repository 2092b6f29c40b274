"""Schema version 1 of a record: what ``--json`` prints and what is stored.

All seconds and words/s are host-scale: what this host took, never multiplied by the time dilation. Types,
ranges and required fields are checked on write and on read; whether summaries agree with the raw samples
is for whoever trusts them to check. ``None`` is "unknown" or "not there", never a sentinel number; only a
record with status ``completed`` promises results.

History: 1 (2026-11) first version.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pipebench.plan.device_kind import DeviceKind

SCHEMA_NAME = "pipebench"
SCHEMA_VERSION = 1

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
AtLeastOne = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Clock = Literal["wall", "virtual", "simulated"]
Name = Annotated[str, Meta(min_length=1)]


class Part(msgspec.Struct, frozen=True):
    """Base of every part of a record: frozen; unknown fields are ignored on read."""


class Schema(Part, frozen=True):
    """Which schema the document follows."""

    name: Literal["pipebench"] = "pipebench"
    version: Literal[1] = 1


class RankRecord(Part, frozen=True):
    """Where a rank was, in a run that a launcher of several machines started; ``uuid`` and ``pci`` are its GPU's."""

    host: Name
    local_rank: Count
    name: str
    uuid: str | None = None
    pci: str | None = None


class MessageTimeRecord(Part, frozen=True):
    """Messages of one size: half of there and back, the median."""

    size_bytes: Count
    one_way_s: Positive


class HostLinkRecord(Part, frozen=True):
    """The link between two ranks, inside a host (twice the same one) or between two.

    ``bytes_per_s`` is ``None`` where a larger message took no longer.
    """

    hosts: tuple[Name, Name]
    ranks: tuple[Count, Count]
    latency_s: Positive
    bytes_per_s: Positive | None
    times: list[MessageTimeRecord]


class Device(Part, frozen=True, omit_defaults=True):
    """What the pipeline's devices are. Without a GPU the name is the CPU's model.

    ``ranks``, in their order, are there if torchrun or Slurm started them; ``links`` is what lies between them.
    """

    kind: DeviceKind
    count: AtLeastOne
    names: Annotated[list[str], Meta(min_length=1)]
    ranks: list[RankRecord] = []
    links: list[HostLinkRecord] = []


class LinkRecord(Part, frozen=True):
    """A machine's link: its own figures, and those of the host's scale (dilated).

    ``overhead_s`` is the device time that a message takes from each of its ends; ``bytes_per_s`` is ``None``
    where size makes no difference.
    """

    latency_s: NotNegative
    bytes_per_s: Positive | None
    host_latency_s: NotNegative | None = None
    host_bytes_per_s: Positive | None = None
    overhead_s: NotNegative = 0.0


class MachineRecord(Part, frozen=True):
    """The emulated machine; ``time_dilation`` = card speed / host speed, on the same work.

    What is to be measured on this host is ``None`` in a record that ended before.
    """

    name: Name
    card: str
    source: str
    card_flops_per_s: Positive | None
    host_flops_per_s: Positive | None
    time_dilation: Positive | None
    link: LinkRecord | None


class Optimizer(Part, frozen=True, kw_only=True):
    """The optimizer of baseline and pipeline alike; what an optimizer of the user's own does is for it to know."""

    name: str = "SGD"
    learning_rate: Positive | None = None
    momentum: NotNegative | None = 0.0
    clipping: Positive | None = None


class Input(Part, frozen=True):
    """Where the batches are from; ``count_rule`` says what throughput counts, ``unit`` what that is called.

    A model that has no words has neither ``tokens`` nor ``vocabulary`` nor ``words_per_step``. Records from before
    there was another unit have ``words_per_step`` alone: ``items`` reads both.
    ``unknown_share`` of the targets that count are words without an id of their own. Of a file
    ``bytes_read`` were read, which the hash is of; ``whole`` says that it has no more. ``pairs`` of sentences there are
    where a model takes such, and ``origin`` says in words where they are from; its slices are as long as their
    sentences, the shortest and the longest one ``slice_steps``.
    """

    kind: Name
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    tokens: Count | None
    vocabulary: Count | None
    words_per_step: Positive | None
    count_rule: str
    unknown_share: Annotated[float, Meta(ge=0, le=1)] | None = None
    bytes_read: Count | None = None
    whole: bool | None = None
    unit: Name = "words"
    items_per_step: Positive | None = None
    pairs: Count | None = None
    origin: str | None = None
    slice_steps: list[Count] | None = None

    def __post_init__(self) -> None:
        if self.items_per_step is None and self.words_per_step is None:
            raise ValueError("expected items_per_step or words_per_step, found neither")

    @property
    def items(self) -> float:
        """What a step counts, on average."""
        return self.items_per_step or self.words_per_step or 0.0


class ModelLayer(Part, frozen=True):
    """What the partition counts, and how many numbers its parameters hold."""

    name: Name
    parameters: Count


class ModelRecord(Part, frozen=True):
    """A model other than the stacked LSTM: its layers in order; ``sha256`` is of the source of the user's own."""

    name: Name
    layers: Annotated[list[ModelLayer], Meta(min_length=1)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class Config(Part, frozen=True):
    """Every option of ``run`` by its name, decided.

    ``model`` is ``None`` for the stacked LSTM; sizes that a model does not have are ``None``. ``memory_bytes`` is
    what a device was said to have. ``partition`` is of the devices that have layers: ``softmax_devices`` more share the
    softmax, or ``all`` of them do, or nobody (``None``). ``cell`` says how backwards are computed: whole, or split.
    """

    gpus: AtLeastOne
    device: Name
    machine: str
    preset: Name | None
    layers: AtLeastOne
    hidden: AtLeastOne | None
    vocab: AtLeastOne | None
    batch: AtLeastOne
    sequence_length: AtLeastOne | None
    dtype: Name
    schedule: Name
    microbatches: AtLeastOne
    chunks: AtLeastOne
    partition: list[Count] | None
    partition_rule: str
    text: str | None
    synthetic: bool
    launches: AtLeastOne
    steps: AtLeastOne
    warmup: Count
    seed: Count
    deadline_s: Positive | None
    emulation_order: str
    optimizer: Optimizer
    input: Input | None
    checkpoint: str = "none"
    tokens: str = "words"
    model: ModelRecord | None = None
    memory_bytes: AtLeastOne | None = None
    softmax_devices: AtLeastOne | Literal["all"] | None = None
    source_vocab: AtLeastOne | None = None
    source: str | None = None
    target: str | None = None
    pairs: str | None = None
    bucket: bool | None = None
    heads: AtLeastOne | None = None
    cell: Name = "fused"
    most_alive: AtLeastOne | None = None
    most_waiting: AtLeastOne | None = None

    def __post_init__(self) -> None:
        check_sharing(self.softmax_devices, self.gpus, "gpus")


def check_sharing(softmax_devices: int | str | None, devices: int, of: str) -> None:
    """Refuse more devices for the softmax than leave one for the layers.

    Raises:
        ValueError: There are as many.
    """
    if isinstance(softmax_devices, int) and softmax_devices >= devices:
        raise ValueError(f"softmax_devices: expected less than the {devices} {of}, got {softmax_devices}")


class Candidate(Part, frozen=True):
    """One form of the baseline as the race measured it; ``rounds`` is how long it stayed in."""

    kind: Name
    microbatches: AtLeastOne
    step_s: list[Positive]
    rounds: Count


class Baseline(Part, frozen=True):
    """The strongest single-device form of the same training step; ``naive``: on the fewest ``devices`` it fits on.

    With GPUs it runs on ``device``, the one of median speed among ``device_flops_per_s``.
    """

    kind: Literal["fused", "chain", "chain-microbatches", "naive"]
    microbatches: AtLeastOne
    step_s: Positive
    words_per_s: Positive | None
    candidates: list[Candidate]
    device: Count = 0
    device_flops_per_s: list[Positive] = []
    devices: AtLeastOne = 1
    items_per_s: Positive | None = None

    @property
    def throughput(self) -> float | None:
        """Items a second, of whatever unit the input counts."""
        return self.items_per_s or self.words_per_s


class Pipeline(Part, frozen=True):
    """The pipeline's step. Where slices differ, the longest forward of a stage takes so many times its mean one."""

    step_s: Positive
    words_per_s: Positive | None
    items_per_s: Positive | None = None
    longest_slice: Positive | None = None

    @property
    def throughput(self) -> float | None:
        """Items a second, of whatever unit the input counts."""
        return self.items_per_s or self.words_per_s


class Speedup(Part, frozen=True):
    """Geometric mean of the launches' ratios with its 95 % interval (null with one launch)."""

    value: Positive
    low: Positive | None
    high: Positive | None
    confidence: Positive = 0.95


class Verification(Part, frozen=True):
    """Pipeline against baseline on one batch, before anything is timed.

    A gradient's error is relative to its own norm, or to 1e-3 of the norm of all gradients where that is larger.
    ``max_relative_parameter_error`` is that of the parameters after one update. ``vanishing`` names those of the
    parameter ``tensors`` whose gradients are so small that a wrong one would pass. ``gradient_norm`` is that of all of
    the baseline's gradients: whether the trainer clipped them there.
    """

    max_relative_gradient_error: NotNegative
    tolerance: Positive
    loss: float
    baseline_loss: float
    tensors: Count | None = None
    vanishing: list[Name] = []
    max_relative_parameter_error: NotNegative | None = None
    gradient_norm: Positive | None = None


class Samples(Part, frozen=True):
    """Raw step times of one launch, in the order measured."""

    step_s: list[Positive]


class PipelineSamples(Samples, frozen=True):
    """With ``busy_s``, the time that all devices together worked in each step; empty where it was not kept."""

    busy_s: list[NotNegative] = []


class Block(Part, frozen=True):
    """A run of steps of one kind; ``start_s`` counts from the launch's first block."""

    kind: Literal["baseline", "pipeline"]
    start_s: NotNegative
    steps: AtLeastOne


class ClockRecord(Part, frozen=True):
    """A host's clock beside that of rank 0's host: what is to be added to it, how that changes (seconds a second).

    ``uncertainty_s`` is how wrong the offset may be: half of the fastest round trip, in the worst step.
    """

    host: Name
    offset_s: float
    drift: float
    uncertainty_s: NotNegative


class Launch(Part, frozen=True):
    """One fresh start of all processes; page faults and wall/CPU are over its timed steps.

    ``peaks_bytes`` is the most that each device's tensors took in a pipeline step, where that is measured. ``clocks``
    are those of all hosts but rank 0's, where there are several.
    """

    baseline: Samples
    pipeline: PipelineSamples
    blocks: list[Block]
    page_faults: Count | None
    wall_per_cpu: Positive | None
    peaks_bytes: list[Count] | None = None
    clocks: list[ClockRecord] | UnsetType = UNSET  # a run of one machine does not tell it

    @property
    def host_clocks(self) -> list[ClockRecord]:
        """Those there are."""
        return [] if isinstance(self.clocks, UnsetType) else self.clocks


class SpanRecord(Part, frozen=True, gc=False):
    """A compute action."""

    device: Count
    action: Name
    start_s: NotNegative
    end_s: NotNegative


class TransferRecord(Part, frozen=True, gc=False):
    """A message; ``action`` is what produced it, ``ready_s`` when it could have left.

    ``consumer`` is the action that needs it; records from before a result could go to several have none.
    """

    action: Name
    sender: Count
    receiver: Count
    ready_s: NotNegative
    start_s: NotNegative
    end_s: NotNegative
    bytes: Count | None = None
    consumer: Name | None = None


class OtherRecord(Part, frozen=True, gc=False):
    """Work that is no action of the plan."""

    device: Count
    name: Name
    start_s: NotNegative
    end_s: NotNegative


class TimelineRecord(Part, frozen=True):
    """One step: measured (the one nearest the median), or simulated."""

    clock: Clock
    makespan_s: NotNegative
    spans: list[SpanRecord]
    transfers: list[TransferRecord]
    other: list[OtherRecord]


class Memory(Part, frozen=True):
    """Bytes of one device: computed from the sizes; the peak is measured on CUDA only."""

    parameters_bytes: Count
    gradients_bytes: Count
    optimizer_state_bytes: Count
    saved_tensors_bytes: Count
    label: str = "computed"
    peak_bytes: Count | None = None


class DeviceUsage(Part, frozen=True):
    """Where one device's time went; the four parts sum to the makespan.

    ``weights_waiting`` of the slices that are alive are at most without their weights' gradients alone, where the
    backward is in halves.
    """

    device: Count
    layers: str
    busy_s: NotNegative
    waiting_s: NotNegative
    transfer_s: NotNegative
    idle_s: NotNegative
    activations_alive: Count
    memory: Memory | None = None
    weights_waiting: Count = 0


class Bubble(Part, frozen=True):
    """The idle share of all devices' time."""

    fraction: Annotated[float, Meta(le=1)]
    definition: str = "1 - busy / (devices x makespan)"


class Accuracy(Part, frozen=True):
    """How far an emulated number can be trusted: by which study, and whether it was made on such a machine."""

    known_here: bool
    study: str
    text: str


class WarningRecord(Part, frozen=True):
    """A doubt that travels with the record."""

    code: Name  # a WarningCode, or what another version has
    cause: str
    next_step: str


class Failure(Part, frozen=True):
    """Why a record is not completed; ``log`` names a file beside it with what the culprit left behind."""

    exit_code: Count
    message: str
    log: str | None = None


class RunRecord(Part, frozen=True, kw_only=True):
    """What is stored of one run.

    ``plan`` is there where the order was made from what was measured: a line a device, as in a plan's text.
    """

    schema: Schema = Schema()
    kind: Literal["run"] = "run"
    id: Name
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")]
    status: Literal["completed", "aborted", "failed"]
    device: Device
    clock: Literal["wall", "virtual"]
    machine: MachineRecord | None
    config: Config
    baseline: Baseline | None
    pipeline: Pipeline | None
    speedup: Speedup | None
    efficiency: Positive | None
    verification: Verification | None
    bubble: Bubble | None
    launches: list[Launch]
    devices: list[DeviceUsage]
    timeline: TimelineRecord | None
    warnings: list[WarningRecord]
    environment: dict[str, str | int | float | bool | None]
    merged_from: list[Name] | UnsetType = UNSET  # ids of the records that this one is made of
    failure: Failure | None = None
    accuracy: Accuracy | None = None
    plan: list[str] | None = None

    def __post_init__(self) -> None:
        if self.status == "completed":
            missing = [name for name in _PROMISED if getattr(self, name) in (None, [])]
            if missing:
                raise ValueError(f"a completed record needs {', '.join(missing)}")
            if self.timeline is not None and not self.timeline.makespan_s:
                raise ValueError("a completed record needs timeline.makespan_s above 0")
            if self.machine is not None and self.machine.link is None:
                raise ValueError("a completed record of a machine needs machine.link")
        if self.speedup is not None and None in (self.baseline, self.pipeline, self.config.input):
            raise ValueError("a record with a speed-up needs baseline, pipeline and config.input")


_PROMISED = (
    "baseline",
    "pipeline",
    "speedup",
    "efficiency",
    "verification",
    "bubble",
    "timeline",
    "launches",
    "devices",
)
