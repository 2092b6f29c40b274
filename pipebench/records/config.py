"""The options of a run as its record has them, with the values that were used, and its input, model and optimizer."""

from typing import Annotated, Literal

from msgspec import Meta

from pipebench.records.schema import AtLeastOne, Count, Name, NotNegative, Positive, Stored


class Optimizer(Stored, frozen=True, kw_only=True):
    """The optimizer of both baseline and pipeline; of one of the user's own, only what it says of itself is known."""

    name: str = "SGD"
    learning_rate: Positive | None = None
    momentum: NotNegative | None = 0.0
    clipping: Positive | None = None


class Input(Stored, frozen=True):
    """Where the batches are from; ``count_rule`` says what throughput counts, ``unit`` what that is called.

    A model that has no words has neither ``tokens`` nor ``vocabulary`` nor ``words_per_step``. Older records have
    ``words_per_step`` alone: ``items`` reads both. ``unknown_share`` is the share of the counted targets that are words
    without an id of their own. ``bytes_read`` is how much was read of a file, and what the hash is of; ``whole`` says
    that the file has no more. For a model that takes sentence pairs, ``pairs`` is their number, and ``origin`` says in
    words where they are from. The slices of such a model are as long as their sentences; ``slice_steps`` has the
    shortest and the longest length.
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
        """How many items a step counts, on average."""
        return self.items_per_step or self.words_per_step or 0.0


class ModelLayer(Stored, frozen=True):
    """A layer as the partition counts them, and how many numbers its parameters hold."""

    name: Name
    parameters: Count


class ModelRecord(Stored, frozen=True):
    """A model other than the stacked LSTM: its layers in order; ``sha256`` is that of the source of a user's own."""

    name: Name
    layers: Annotated[list[ModelLayer], Meta(min_length=1)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class Config(Stored, frozen=True):
    """Every option of ``run`` by its name, with the value that was used.

    ``model`` is ``None`` for the stacked LSTM; sizes that a model does not have are ``None``. ``memory_bytes`` is
    the memory that a device was said to have. ``partition`` is the number of layers on each device, without devices
    that only share the softmax. ``softmax_devices`` is how many of these there are; it is ``all`` where every device
    shares the softmax, and ``None`` where none does. ``cell`` says how backwards are computed: whole, or split.
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
    """Refuse so many devices for the softmax that none is left for the layers.

    Raises:
        ValueError: None is left.
    """
    if isinstance(softmax_devices, int) and softmax_devices >= devices:
        raise ValueError(f"softmax_devices: expected less than the {devices} {of}, got {softmax_devices}")
