"""``--softmax-devices``: read, and told in words. Pure."""

import re

from pipebench.errors import UsageError
from pipebench.models.layout import Sharing

_NUMBER = re.compile(r"0*([1-9][0-9]*)", re.ASCII)
_BOTH = 2
_DIGITS = 9  # of a number of devices at most


def sharing_of(given: str | None, devices: int, option: str) -> Sharing:
    """Who shares the softmax.

    Args:
        given: a number, ``all``, or nothing.
        devices: how many there are in all.
        option: the option that counts them.

    Raises:
        UsageError: It is none of these, or leaves no device for the layers.
    """
    if given is None:
        return None
    if given == "all":
        return "all"
    found = _NUMBER.fullmatch(given)
    if found is None:
        raise UsageError(
            f"--softmax-devices {given[:80]!r}: expected a number of devices from 1 on, or all for a piece of the "
            "softmax on each device"
        )
    digits = found[1]
    if len(digits) > _DIGITS:
        shown, more = f"{digits[:_DIGITS]}...", "a smaller number"
    elif int(digits) >= devices:
        shown, more = digits, f"{option} {int(digits) + 1} or more"
    else:
        return int(digits)
    raise UsageError(
        f"--softmax-devices {shown}: expected less than {option} {devices}, which counts them too, so that one device "
        f"at least is left for the layers; use {more}, or --softmax-devices all"
    )


def devices_beside(given: str | None) -> int:
    """How many devices beside those with layers are asked for; 0 where that is not given, or makes no sense."""
    found = _NUMBER.fullmatch(given or "")
    return int(found[1]) if found is not None and len(found[1]) <= _DIGITS else 0


def softmax_text(sharing: Sharing, devices: int) -> str:
    """Who shares the softmax, in words.

    Args:
        sharing: which devices share it, in a run that has it shared.
        devices: how many the run has in all.
    """
    if sharing == 1:
        return "softmax on a device of its own"
    if sharing == "all" and devices <= _BOTH:
        return "softmax shared by both devices" if devices == _BOTH else "softmax on the one device"
    if sharing == "all":
        return f"softmax shared by all {devices} devices"
    return f"softmax shared by {sharing} devices of their own"


def softmax_in_short(sharing: Sharing) -> str:
    """The same for a table, such as ``softmax on 4`` (four further devices) or ``softmax on all``."""
    return f"softmax on {sharing}"
