"""A size of memory as a person writes it, such as 24GiB. Pure."""

import re

from pipebench.errors import UsageError

_UNITS = {
    unit: factor**power
    for power, letter in enumerate("kmgt", start=1)
    for unit, factor in ((f"{letter}ib", 1024), (f"{letter}b", 1000))
} | {"b": 1}
_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII)
_MOST = 2**60


def bytes_of(text: str, option: str) -> int:
    """Read a size: a number and a unit.

    Args:
        text: such as ``24GiB`` or ``512 MB``.
        option: the option that it was given with, for the error.

    Raises:
        UsageError: It is no size, or is beyond any device.
    """
    found = _FORM.fullmatch(text.lower())
    asked = float(found[1]) * _UNITS[found[2]] if found and found[2] in _UNITS else 0.0
    size = round(asked) if asked <= _MOST else 0  # hundreds of digits are infinite
    if size == 0:
        raise UsageError(f"{option} {text!r}: expected a size such as 24GiB, 512MiB or 16GB")
    return size
