"""The results of a run: its two steps, the speed-up, how it was verified, where each device's time went."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from pipebench.records.schema import AtLeastOne, Count, Name, NotNegative, Positive, Stored


class Candidate(Stored, frozen=True):
    """One form of the baseline as the race measured it; ``rounds`` is how long it stayed in."""

    kind: Name
    microbatches: AtLeastOne
    step_s: list[Positive]
    rounds: Count


class Baseline(Stored, frozen=True):
    """The strongest single-device form of the same training step; ``naive`` takes as few ``devices`` as hold it.

    With GPUs it runs on ``device``, the one of median speed among ``device_flops_per_s``.
    """

    kind: Literal["fused", "chain", "chain-microbatches", "naive"]
    microbatches: AtLeastOne
    step_s: Positive
    words_per_s: Positive | None
    candidates: list[Candidate]
    device: Count = 0
    device_flops_per_s: list[Positive] = field(default_factory=list)
    devices: AtLeastOne = 1
    items_per_s: Positive | None = None

    @property
    def throughput(self) -> float | None:
        """Items a second, of whatever unit the input counts."""
        return self.items_per_s or self.words_per_s


class Pipeline(Stored, frozen=True):
    """The pipeline's step. ``longest_slice``, where slices differ: a stage's longest forward over its mean one."""

    step_s: Positive
    words_per_s: Positive | None
    items_per_s: Positive | None = None
    longest_slice: Positive | None = None

    @property
    def throughput(self) -> float | None:
        """Items a second, of whatever unit the input counts."""
        return self.items_per_s or self.words_per_s


class Speedup(Stored, frozen=True):
    """Geometric mean of the launches' ratios with its 95 % interval (null with one launch)."""

    value: Positive
    low: Positive | None
    high: Positive | None
    confidence: Positive = 0.95


class Verification(Stored, frozen=True):
    """Pipeline against baseline on one batch, before anything is timed.

    A gradient's error is relative to its own norm, or to 1e-3 of the norm of all gradients where that is larger.
    ``max_relative_parameter_error`` is that of the parameters after one update. There are ``tensors`` parameters, and
    ``vanishing`` names those whose gradients are so small that a wrong one would pass. ``gradient_norm`` is the norm of
    all of the baseline's gradients, which tells whether they were clipped.
    """

    max_relative_gradient_error: NotNegative
    tolerance: Positive
    loss: float
    baseline_loss: float
    tensors: Count | None = None
    vanishing: list[Name] = field(default_factory=list)
    max_relative_parameter_error: NotNegative | None = None
    gradient_norm: Positive | None = None


class Memory(Stored, frozen=True):
    """Bytes of one device: computed from the sizes; the peak is measured on CUDA only.

    ``saved_tensors_bytes`` is what waits for backwards. Of split cells it has their copies of weights too, and the
    running totals of gradients.
    """

    parameters_bytes: Count
    gradients_bytes: Count
    optimizer_state_bytes: Count
    saved_tensors_bytes: Count
    label: str = "computed"
    peak_bytes: Count | None = None


class DeviceUsage(Stored, frozen=True):
    """Where one device's time went; the four parts sum to the makespan.

    ``activations_alive`` is the largest number of slices that were kept for backward. Where backwards are in halves,
    ``weights_waiting`` is the largest number of slices that waited for their weights' gradients alone.
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


class Bubble(Stored, frozen=True):
    """The idle share of all devices' time."""

    fraction: Annotated[float, Meta(le=1)]
    definition: str = "1 - busy / (devices x makespan)"


class StudyFigures(Stored, frozen=True):
    """The least and the largest emulated / real speed-up of a study, and on how many ranks it was made.

    ``of_this_model``: whether the study tried the model of this record.
    """

    speedup_ratio_low: Positive
    speedup_ratio_high: Positive
    ranks: AtLeastOne
    of_this_model: bool


class Accuracy(Stored, frozen=True):
    """How far an emulated number can be trusted, by which study, and whether that was made on such a machine.

    ``figures`` are the study's numbers, where they are known; older records have them only in ``text``.
    """

    known_here: bool
    study: str
    text: str
    figures: StudyFigures | UnsetType = UNSET
