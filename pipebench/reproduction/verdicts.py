"""How far a measured speed-up agrees with a claim. Pure.

    real GPUs, full size    reproduced        the claim lies in the interval
                            exceeded          below it
                            not reproduced    above it

    anything else           consistent        the claim lies in the interval, widened by how far emulation was found to
                                              be off
                            inconsistent      it does not: the value is above the claim, or below it
                            unclear           the interval is too wide to tell

Anything but real GPUs at the claim's size can only agree with the claim: it reproduces nothing.
"""

from typing import Literal, NamedTuple

from pipebench.records.reproduction import ClaimVerdict
from pipebench.run.accuracy import Study

WIDE = 0.3  # of the value: an interval that is wider tells nothing


class Agreement(NamedTuple):
    """The verdict; where it is inconsistent, on which side of the claim the value lies."""

    verdict: ClaimVerdict
    direction: Literal["above", "below"] | None = None


def off_by(study: Study) -> tuple[float, float]:
    """By what factors emulated speed-ups were off from real ones, the least and the largest."""
    return study.speedup_ratio_low, study.speedup_ratio_high


def agreement(
    value: float,
    low: float | None,
    high: float | None,
    claimed: float,
    *,
    reproduces: bool = False,
    off: tuple[float, float] = (1.0, 1.0),
) -> Agreement:
    """Compare a speed-up with a claimed one.

    Args:
        value: the speed-up.
        low: end of its 95 % interval; ``None``: there is none.
        high: the other end.
        claimed: the claim.
        reproduces: it was measured on real GPUs at full size.
        off: by what factors it may be off, the least and the largest; see ``off_by``.
    """
    if low is None or high is None:
        return Agreement("unclear")
    if not reproduces and high - low > WIDE * value:
        return Agreement("unclear")
    least, most = low / off[1], high / off[0]
    if least <= claimed <= most:
        return Agreement("reproduced" if reproduces else "consistent")
    above = claimed < least
    if reproduces:
        return Agreement("exceeded" if above else "not reproduced")
    return Agreement("inconsistent", "above" if above else "below")
