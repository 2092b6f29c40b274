"""Numbers for people: formatting happens at the edge, and only here."""


def seconds(value: float | None) -> str:
    """Such as ``1.23 s``, ``45.6 ms``, ``7.8 us``; a dash for unknown."""
    if value is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if abs(value) >= size:
            return f"{_three_digits(value / size)} {unit}"
    return "0 s" if value == 0 else f"{value:.2g} s"


def rate(value: float | None) -> str:
    """Such as ``12,345``; a dash for unknown."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def data_size(value: float | None) -> str:
    """Such as ``32.0 MiB``; a dash for unknown."""
    if value is None:
        return "-"
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.0f} B"


def percent(part: float, whole: float = 1.0) -> str:
    """Such as ``45 %``."""
    return f"{100 * part / whole:.0f} %" if whole else "-"


def scaled(value: float | None, unit: str) -> str:
    """With a decimal prefix: ``0.762 TFLOP/s`` is ``scaled(0.762e12, "FLOP/s")``; a dash for unknown."""
    if value is None:
        return "-"
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{_three_digits(value / size)} {prefix}{unit}"
    return f"{_three_digits(value)} {unit}"


def rough(value: float) -> str:
    """Such as ``3.2 M``, ``850``: how many, where digits would say no more."""
    for prefix, size in ((" G", 1e9), (" M", 1e6), (" k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{prefix}"
    return f"{value:g}"


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
