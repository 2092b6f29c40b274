"""What a run is asked to do: options as given, resolved into sizes that fit each other. Pure.

``resolve`` is the only place that knows the defaults; everything behind it reads a ``RunConfig``.
"""

from typing import Literal, cast, get_args

import msgspec

from pipebench import partition as partitions
from pipebench.divisors import divisor_above, largest_divisor
from pipebench.errors import UsageError
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import Schedule, schedule_named
from pipebench.timing.machines import LOCAL, check_machine
from pipebench.workload import DTYPE_BYTES, Workload

TokenRule = Literal["words", "characters", "spaces"]
TOKEN_RULES: tuple[str, ...] = get_args(TokenRule)

DEFAULT_MACHINE = "2014"
DEFAULT_PRESET = "talk8-small"
RESERVED_WORDS = 3  # padding, unknown word, end of sentence
_MOST = 2**31 - 1  # of a size: libraries below torch count in 32 bits
_MOST_DEVICES = 2**16  # each is a process, or a row of the table
_MOST_LAYERS = 4096  # no model has more, and a partition is looked for among all of them
_MOST_REPEATS = 1_000_000  # of launches and steps: years
MOST_DEADLINE_S = 366 * 24 * 3600.0  # a year; what waits for messages takes no number of seconds whatever
EMULATION_ORDERS = ("device", "dependence")  # the first one is the default
DEVICE_KINDS = ("auto", "cuda", "cpu", "emulated")
_KINDS: dict[str, Literal["cpu", "cuda", "emulated"]] = {
    "auto": "emulated",  # of a run that ended before it was settled
    "cpu": "cpu",
    "cuda": "cuda",
    "emulated": "emulated",
}

# layers, hidden, vocab, batch, sequence length: chosen by the time they take, never by the figure they give
PRESETS: dict[str, tuple[int, int, int, int, int]] = {
    "talk8-small": (8, 256, 1000, 128, 32),
    "talk8": (8, 1000, 4000, 128, 32),
    "tiny": (8, 32, 200, 32, 16),
}


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``pipebench run`` as given; ``None`` is "not given"."""

    gpus: int
    device: str = "auto"
    machine: str | None = None
    preset: str = DEFAULT_PRESET
    layers: int | None = None
    hidden: int | None = None
    vocab: int | None = None
    batch: int | None = None
    sequence_length: int | None = None
    dtype: str = "float32"
    schedule: str = "gpipe"
    microbatches: int | None = None
    chunks: int | None = None
    partition: str = "even"
    checkpoint: str = "none"
    text: str | None = None
    tokens: str = "words"
    synthetic: bool = False
    launches: int | None = None
    quick: bool = False
    rigorous: bool = False
    steps: int = 2
    warmup: int = 1
    seed: int = 0
    deadline_s: float | None = None
    emulation_order: str = EMULATION_ORDERS[0]


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A run, fully decided.

    ``partition`` is ``None`` until a balanced one has been measured, ``onednn`` until the first launch has found which
    library the projection is faster with.
    """

    gpus: int
    device: str
    machine: str
    preset: str
    layers: int
    hidden: int
    vocab: int
    batch: int
    sequence_length: int
    dtype: str
    schedule: str
    microbatches: int
    chunks: int
    partition: tuple[int, ...] | None
    partition_rule: str
    checkpoint: str
    text: str | None
    tokens: TokenRule
    synthetic: bool
    launches: int
    steps: int
    warmup: int
    seed: int
    deadline_s: float | None
    emulation_order: str
    learning_rate: float = 0.1
    onednn: bool | None = None

    @property
    def workload(self) -> Workload:
        """The model's and the batch's sizes."""
        return Workload(
            *(self.layers, self.hidden, self.vocab, self.batch, self.sequence_length),
            dtype=self.dtype,
            onednn=self.onednn is True,
        )

    @property
    def message_bytes(self) -> int:
        """The size of every message: activations of a slice, or their gradient."""
        return self.workload.activation_bytes(self.microbatches, self.chunks)

    @property
    def needs_link(self) -> bool:
        """Whether the link of this machine must be known."""
        return self.machine == LOCAL

    @property
    def kind(self) -> Literal["cpu", "cuda", "emulated"]:
        """What a device is."""
        return _KINDS[self.device]

    @property
    def clock(self) -> Literal["wall", "virtual"]:
        """Emulated devices share a core: that they work side by side is virtual."""
        return "virtual" if self.kind == "emulated" else "wall"

    @property
    def ranks(self) -> int:
        """Processes of a launch: one a device, or one that emulates them all."""
        return 1 if self.kind == "emulated" else self.gpus

    @property
    def graph(self) -> Graph:
        """One stage a device."""
        return Graph(self.gpus, self.microbatches, self.chunks)


def resolve(options: RunOptions) -> RunConfig:
    """Fill in defaults and check every size.

    Raises:
        UsageError: A value is out of range, unknown, or does not fit another one.
    """
    _check_choices(options)
    sizes = _sizes(options)
    schedule = schedule_named(options.schedule)
    microbatches, chunks = _slices(options, schedule, sizes["batch"], sizes["sequence_length"])
    return RunConfig(
        gpus=_at_least("--gpus", options.gpus, 1, most=_MOST_DEVICES),
        device="emulated" if options.machine is not None else options.device,
        machine=check_machine(options.machine or DEFAULT_MACHINE),
        preset=options.preset,
        layers=sizes["layers"],
        hidden=sizes["hidden"],
        vocab=sizes["vocab"],
        batch=sizes["batch"],
        sequence_length=sizes["sequence_length"],
        dtype=options.dtype,
        schedule=schedule.name,
        microbatches=microbatches,
        chunks=chunks,
        partition=_partition(options, sizes["layers"]),
        partition_rule=options.partition if options.partition in ("even", "balanced") else "explicit",
        checkpoint=options.checkpoint,
        text=options.text,
        tokens=cast("TokenRule", options.tokens),
        synthetic=options.synthetic,
        launches=_launches(options),
        steps=_at_least("--steps", options.steps, 1, _MOST_REPEATS),
        warmup=_at_least("--warmup", options.warmup, 0, _MOST_REPEATS),
        seed=_at_least("--seed", options.seed, 0, 2**63 - 1),
        deadline_s=options.deadline_s,
        emulation_order=options.emulation_order,
    )


def _at_least(name: str, value: int, least: int, most: int = _MOST) -> int:
    if value < least:
        raise UsageError(f"{name} must be at least {least}, got {value}")
    if value > most:
        raise UsageError(f"{name} must be at most {most}, got {value}")
    return value


def _check_choices(options: RunOptions) -> None:
    for name, value, known in (
        ("--device", options.device, DEVICE_KINDS),
        ("--dtype", options.dtype, tuple(DTYPE_BYTES)),
        ("--preset", options.preset, tuple(PRESETS)),
        ("--checkpoint", options.checkpoint, CHECKPOINTS),
        ("--tokens", options.tokens, TOKEN_RULES),
        ("--emulation-order", options.emulation_order, EMULATION_ORDERS),
    ):
        if value not in known:
            raise UsageError(f"unknown {name} {value!r}: expected one of {', '.join(known)}")
    if options.machine is not None and options.device in ("cuda", "cpu"):
        raise UsageError(f"--machine is for emulated devices: leave it out with --device {options.device}")
    if options.text is not None and options.synthetic:
        raise UsageError("--text and --synthetic exclude each other: leave one out")
    if options.synthetic and options.tokens != "words":
        raise UsageError("--tokens says what a word of a text is: leave it out with --synthetic")
    if options.deadline_s is not None and not 0 < options.deadline_s <= MOST_DEADLINE_S:
        raise UsageError(
            f"--deadline must be a number of seconds above 0 and at most {MOST_DEADLINE_S:.0f} (a year), "
            f"got {options.deadline_s}"
        )


def _sizes(options: RunOptions) -> dict[str, int]:
    names = ("layers", "hidden", "vocab", "batch", "sequence_length")
    result = {}
    for name, default in zip(names, PRESETS[options.preset], strict=True):
        given = getattr(options, name)
        least = RESERVED_WORDS + 1 if name == "vocab" else 1
        option = f"--{name.replace('_', '-')}"
        most = _MOST_LAYERS if name == "layers" else _MOST
        result[name] = default if given is None else _at_least(option, given, least, most)
    return result


def _slices(options: RunOptions, schedule: Schedule, batch: int, sequence_length: int) -> tuple[int, int]:
    """Microbatches and chunks: those given, which must divide, or the default or largest divisor below."""
    result = []
    for name, given, default, size_name, size in (
        ("--microbatches", options.microbatches, schedule.microbatches, "batch", batch),
        ("--chunks", options.chunks, schedule.chunks, "sequence length", sequence_length),
    ):
        if given is None:
            result.append(largest_divisor(size, default))
            continue
        if size % _at_least(name, given, 1):
            near = f"{largest_divisor(size, given)} or {divisor_above(size, given)}" if given < size else size
            raise UsageError(
                f"{name} {given} does not divide the {size_name} of {size}: expected a divisor such as {near}"
            )
        result.append(given)
    schedule.check_sizes(*result)
    return result[0], result[1]


def _partition(options: RunOptions, layers: int) -> tuple[int, ...] | None:
    if options.partition == "even":
        return partitions.even(layers, options.gpus)
    if options.partition == "balanced":
        if options.gpus > layers + 1:
            partitions.check_devices(layers, options.gpus)
        return None
    return partitions.explicit(options.partition, layers, options.gpus)


def _launches(options: RunOptions) -> int:
    given = [
        name
        for name, value in (
            ("--launches", options.launches is not None),
            ("--quick", options.quick),
            ("--rigorous", options.rigorous),
        )
        if value
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other: leave one out")
    if options.launches is not None:
        return _at_least("--launches", options.launches, 1, _MOST_REPEATS)
    return 3 if options.quick else 12 if options.rigorous else 6
