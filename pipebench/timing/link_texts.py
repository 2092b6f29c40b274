"""Read a change of links as a person writes it. Pure.

The text names two devices, or none for every two devices. Then come ``=`` and another link, or ``x`` and a factor of
its time:

    3-4 = 1 GB/s, 50 us   between devices 3 and 4, in both directions: bandwidth and latency
    3-4 = 1 GB/s          only a bandwidth
    3-4 = 50 us           only a latency, which occupies no port; a number without a unit is seconds
    3-4 x 0.5             every message there takes half as long
    = 10 GB/s, 5 us       a link between every two devices
    x 0.5                 every message takes half as long
"""

import re
from math import isfinite

from pipebench.errors import UsageError
from pipebench.timing.links import LinkChange

_FORM = re.compile(
    r"\s*(?:[lL]inks?(?![a-z]))?\s*(?:(\d+)\s*-\s*(\d+))?\s*(=|[xX*\u00d7])(.*)", re.ASCII | re.DOTALL
)
_QUANTITY = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf))\s*(\D\S*)?", re.ASCII)
_RATES = {"B/s": 1} | {
    f"{letter}{binary}B/s": (1024 if binary else 1000) ** power
    for power, letters in enumerate(("kK", "M", "G", "T"), start=1)
    for letter in letters
    for binary in ("", "i")
}
_IN_A_SECOND = {"": 1, "s": 1, "ms": 10**3, "us": 10**6, "\u00b5s": 10**6, "\u03bcs": 10**6, "ns": 10**9}
_SHOWN = 80
_LEAST_RATE, _MOST_RATE = 1.0, 1e18  # bytes/s
_MOST_S = 1e15  # the largest latency
_MOST_FACTOR = 1e9
_DIGITS = 9  # the most digits of a device's number


def link_change(text: str, devices: int) -> LinkChange:
    """Read a change.

    Args:
        text: the change, such as ``3-4 = 1 GB/s, 50 us``.
        devices: the number of devices.

    Raises:
        UsageError: The text is no change, or names other devices.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise _error(
            text,
            "expected two devices or nothing, then = with a bandwidth, a latency or both, or x with a factor, such as "
            "3-4 = 1 GB/s, 50 us or 3-4 x 0.5",
        )
    first, second, sign, rest = found.groups()
    pair = None if first is None else _pair(text, (first, second), devices)
    if sign != "=":
        return LinkChange(pair, factor=_factor(text, rest.strip()))
    rate, latency_s = _link(text, rest)
    return LinkChange(pair, bytes_per_s=rate, latency_s=latency_s)


def _error(text: str, what: str) -> UsageError:
    return UsageError(f"link {text[:_SHOWN]!r}: {what}")


def _pair(text: str, numbers: tuple[str, str], devices: int) -> tuple[int, int]:
    for number in numbers:
        if len(number) > _DIGITS or int(number) >= devices:
            last = f"0 to {devices - 1}" if devices > 1 else "0 (there is only one)"
            raise _error(text, f"expected two of the devices {last}, got {number[: _DIGITS + 1]}")
    low, high = sorted(map(int, numbers))
    if low == high:
        raise _error(text, f"expected two different devices, got {low} twice")
    return low, high


def _factor(text: str, given: str) -> float:
    number, unit = _quantity(text, given, "a factor such as 0.5 after the sign")
    if unit or not 1 / _MOST_FACTOR <= number <= _MOST_FACTOR:
        raise _error(
            text,
            f"expected a factor from {1 / _MOST_FACTOR:g} to {_MOST_FACTOR:g}, got {given[:_SHOWN]!r}; for messages "
            "that take no time write = 0 s",
        )
    return number


def _link(text: str, rest: str) -> tuple[float | None, float | None]:
    """Bandwidth and latency after the equals sign; each is ``None`` if it is left out."""
    given = [part.strip() for part in rest.split(",")]
    rate = latency_s = None
    for part in given:
        number, unit = _quantity(text, part, "a bandwidth, a latency or both after =, such as 1 GB/s, 50 us")
        if unit in _RATES and rate is None:
            rate = _rate(text, part, number * _RATES[unit])
        elif unit in _IN_A_SECOND and latency_s is None:
            latency_s = _latency_s(text, part, number / _IN_A_SECOND[unit])
        elif unit in _RATES or unit in _IN_A_SECOND:
            raise _error(
                text, f"expected one bandwidth and one latency at most, got {part[:_SHOWN]!r} as well"
            )
        else:
            raise _error(
                text,
                f"unknown unit {unit[:_SHOWN]!r}: expected B/s, kB/s, MB/s, GB/s, TB/s or KiB/s to TiB/s (bytes, not "
                "bits) for a bandwidth, s, ms, us or ns for a latency",
            )
    return rate, latency_s


def _quantity(text: str, given: str, expected: str) -> tuple[float, str]:
    """A number and its unit, which may be missing."""
    found = _QUANTITY.fullmatch(given)
    if found is None:
        raise _error(text, f"expected {expected}, got {repr(given[:_SHOWN]) if given else 'nothing'}")
    return float(found[1]), found[2] or ""


def _rate(text: str, given: str, bytes_per_s: float) -> float:
    if not _LEAST_RATE <= bytes_per_s <= _MOST_RATE:
        raise _error(text, f"expected a bandwidth from 1 B/s to {_MOST_RATE:g} B/s, got {given[:_SHOWN]!r}")
    return bytes_per_s


def _latency_s(text: str, given: str, seconds: float) -> float:
    if not (isfinite(seconds) and 0 <= seconds <= _MOST_S):
        raise _error(text, f"expected a latency from 0 to {_MOST_S:g} s, got {given[:_SHOWN]!r}")
    return seconds
