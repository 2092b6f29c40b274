"""``--softmax-devices`` as it is given, read. Pure."""

import re

from pipebench.errors import UsageError
from pipebench.models.layout import Sharing

_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}", re.ASCII)


def sharing_of(given: str | None, devices: int, option: str) -> Sharing:
    """Who shares the softmax.

    Args:
        given: a number, ``all``, or nothing.
        devices: in all.
        option: that counts them.

    Raises:
        UsageError: It is neither, or leaves no device for the layers.
    """
    if given is None or given == "all":
        return given  # type: ignore[return-value]
    if not _NUMBER.fullmatch(given):
        raise UsageError(
            f"--softmax-devices {given!r}: expected a number of devices from 1 on, or all for a piece of the softmax "
            "on each device"
        )
    if int(given) >= devices:
        raise UsageError(
            f"--softmax-devices {given}: expected less than {option} {devices}, which counts them too, so that one "
            f"device at least is left for the layers; use {option} {int(given) + 1} or more, or --softmax-devices all"
        )
    return int(given)
