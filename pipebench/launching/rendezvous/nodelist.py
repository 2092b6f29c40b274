"""Slurm's short form of a list of machines, such as ``gpu[01-03,7],login``. Pure."""

import re

from pipebench.errors import UsageError


def first_host(text: str) -> str:
    """The first machine of the list.

    Raises:
        UsageError: The text names no machine.
    """
    rest, name = text.strip(), ""
    while rest and rest[0] != ",":
        plain = re.match(r"[^,\[]+", rest)
        ranges = re.match(r"\[([0-9]+)[^\]]*\]", rest)
        if plain:
            name += plain[0]
        elif ranges:
            name += ranges[1]
        else:
            break
        rest = rest[len(plain[0] if plain else ranges[0] if ranges else "") :]
    if not name or rest.startswith("["):
        raise UsageError(
            f"SLURM_STEP_NODELIST: expected machines such as gpu[01-04], got {text!r}: set MASTER_ADDR to the first one"
        )
    return name
