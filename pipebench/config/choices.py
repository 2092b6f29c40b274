"""Options that are one of a few words, and options that exclude each other. Pure."""

from pipebench.config.memory_sizes import bytes_of
from pipebench.config.run_config import DEVICES, EMULATION_ORDERS, MOST_DEADLINE_S, RunOptions
from pipebench.errors import UsageError
from pipebench.models import partition as partitions
from pipebench.models.text.asked import TOKEN_RULES
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.device_kind import REAL

DTYPES = ("float32", "float64")
CELLS = ("fused", "split")


def check_choices(options: RunOptions) -> None:
    """Refuse values that no model can make sense of.

    Raises:
        UsageError: A value is unknown, or excludes another one.
    """
    for name, value, known in (
        ("--device", options.device, DEVICES),
        ("--dtype", options.dtype, DTYPES),
        ("--checkpoint", options.checkpoint, CHECKPOINTS),
        ("--tokens", options.tokens, TOKEN_RULES),
        ("--emulation-order", options.emulation_order, EMULATION_ORDERS),
        ("--cell", options.cell or CELLS[0], CELLS),
    ):
        if value not in known:
            raise UsageError(f"unknown {name} {value!r}: expected one of {', '.join(known)}")
    if options.machine is not None and options.device in REAL:
        raise UsageError(f"--machine is for emulated devices: leave it out with --device {options.device}")
    if options.memory is not None:
        bytes_of(options.memory, "--memory")
    if options.partition not in ("even", "balanced"):
        partitions.counts(options.partition)
    _check_input(options)
    if options.synthetic and options.tokens != "words":
        raise UsageError("--tokens says what a word of a text is: leave it out with --synthetic")
    if options.deadline_s is not None and not 0 < options.deadline_s <= MOST_DEADLINE_S:
        raise UsageError(
            f"--deadline must be a number of seconds above 0 and at most {MOST_DEADLINE_S:.0f} (a year), "
            f"got {options.deadline_s}"
        )


def _check_input(options: RunOptions) -> None:
    """Check that there is at most one input, and all of it."""
    _check_one_input(options)
    if (options.source is None) != (options.target is None):
        there, missing = ("--source", "--target") if options.target is None else ("--target", "--source")
        raise UsageError(
            f"{there} goes with {missing}, line by line: expected both files, got one; add {missing}"
        )


def _check_one_input(options: RunOptions) -> None:
    asked = [
        name
        for name, given in (
            ("--text", options.text is not None),
            ("--source", options.source is not None),
            ("--target", options.source is None and options.target is not None),
            ("--pairs", options.pairs is not None),
            ("--synthetic", options.synthetic),
        )
        if given
    ]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} exclude each other: leave one out")
