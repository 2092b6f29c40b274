"""The range of each size: what is beyond it is refused by the option's name. Pure."""

from pipebench.errors import UsageError

MOST = 2**31 - 1  # of a size: libraries below torch count in 32 bits
MOST_DEVICES = 2**16  # each is a process, or a row of the table
MOST_LAYERS = 4096  # no model has more, and a partition is looked for among all of them
MOST_REPEATS = 1_000_000  # of launches and steps: years


def at_least(name: str, value: int, least: int, most: int = MOST) -> int:
    """The value of an option, which lies in its range.

    Raises:
        UsageError: It is below the least or above the most.
    """
    if value < least:
        raise UsageError(f"{name} must be at least {least}, got {value}")
    if value > most:
        raise UsageError(f"{name} must be at most {most}, got {value}")
    return value
