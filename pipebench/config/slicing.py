"""How many microbatches and chunks a step has. Pure."""

from pipebench.config.divisors import divisor_above, largest_divisor
from pipebench.config.limits import at_least
from pipebench.config.run_config import RunOptions
from pipebench.errors import UsageError
from pipebench.plan.schedules import schedule_named

_MICROBATCHES_ALONE = 16  # by default, where a schedule that cuts along time has no time to cut


def slices(options: RunOptions, batch: int, time: int | None, *, even: bool = True) -> tuple[int, int]:
    """Microbatches and chunks: those given, which must divide, else the default or the largest divisor below it.

    Args:
        options: the options as they were given.
        batch: what microbatches cut.
        time: what chunks cut; ``None`` where there is nothing to cut.
        even: whether chunks must divide it; if not, there can be as many as it has steps.

    Raises:
        UsageError: They do not divide, or the model is not cut along time.
    """
    schedule = schedule_named(options.schedule)
    cuts_time = schedule.chunks > 1 and not schedule.takes_costs
    if time is None and (cuts_time or (options.chunks or 1) > 1):
        asked = f"--chunks {options.chunks}" if (options.chunks or 1) > 1 else f"--schedule {schedule.name}"
        raise UsageError(
            f"{asked} cuts along time: expected a model with a time_dimension, --model {options.model} has none; use "
            "another schedule without --chunks"
        )
    usual = _MICROBATCHES_ALONE if time is None and schedule.chunks > 1 else schedule.microbatches
    result = []
    for name, given, default, size_name, size in (
        ("--microbatches", options.microbatches, usual, "batch", batch),
        ("--chunks", options.chunks, schedule.chunks, "sequence length", time or 1),
    ):
        if name == "--chunks" and not even:
            if given is not None and at_least(name, given, 1) > size:
                raise UsageError(
                    f"--chunks must be at most {size}, got {given}: a chunk is at least one step of the {size} of a "
                    "sentence; use fewer, or a larger --sequence-length"
                )
            result.append(min(default, size) if given is None else given)
            continue
        if given is None:
            result.append(largest_divisor(size, default))
            continue
        if size % at_least(name, given, 1):
            near = f"{largest_divisor(size, given)} or {divisor_above(size, given)}" if given < size else size
            raise UsageError(
                f"{name} {given} does not divide the {size_name} of {size}: expected a divisor such as {near}"
            )
        result.append(given)
    schedule.check_sizes(*result)
    return result[0], result[1]
