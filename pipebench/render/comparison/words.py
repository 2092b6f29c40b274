"""How figures, verdicts and differences are written, in every format.

``Foreign`` parts come from a record and are the only ones that a format must not trust.
"""

from collections.abc import Callable, Sequence

from pipebench.comparison.metrics import metric_named
from pipebench.comparison.parts import signed_percent
from pipebench.records.command import unit_of
from pipebench.records.comparison import Difference, MetricComparison, MetricName, Verdict
from pipebench.records.terms import Terms
from pipebench.render.units import data_size, percent, rate, seconds


class Foreign(str):
    """Text that comes from a record."""

    __slots__ = ()


class Typed(Foreign):
    """A command; where lines are of some width it stands on one of its own."""

    __slots__ = ()


Wording = str | Foreign

SYMBOLS: dict[Verdict, str] = {
    "improvement": "▲",
    "same": "=",
    "regression": "▼",
    "inconclusive": "?",
    "incomparable": "≠",
    "missing": "-",
}
ASCII_SYMBOLS = {"▲": "+", "▼": "!", "≠": "#"}

_WHOLE = 1000  # from here on digits behind the point say nothing

_VALUES: dict[MetricName, Callable[[float], str]] = {
    "words_per_s": rate,
    "throughput": rate,
    "baseline_words_per_s": rate,
    "baseline_throughput": rate,
    "speedup": lambda value: f"{value:.2f}x",
    "step_s": seconds,
    "efficiency": percent,
    "bubble_fraction": percent,
    "busy_s": seconds,
    "peak_memory_bytes": data_size,
}


# Fields that a record may lack: real devices emulate no machine, a model may not have these sizes, and a schedule may
# have no bounds.
_MAY_BE_NONE = frozenset(
    {
        *("machine.name", "config.model.layers", "config.softmax_devices"),
        *("config.hidden", "config.vocab", "config.sequence_length"),
        *("config.most_alive", "config.most_waiting"),
    }
)


def verdict_text(verdict: Verdict) -> str:
    """Symbol and word."""
    return f"{SYMBOLS[verdict]} {verdict}"


def value_text(metric: MetricName, value: float | None, terms: Terms) -> str:
    """A metric's value with its unit; a dash for unknown."""
    if value is None:
        return "-"
    return _VALUES[metric](value) if terms.better is None else printed_text(metric, value)


def printed_text(metric: str, value: float) -> str:
    """What a command printed, with the unit that the metric's name ends in."""
    unit = unit_of(metric)
    if unit == "s":
        return seconds(value)
    if unit == "bytes":
        return data_size(round(value))
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.4g}"


def change_text(change: float | None) -> str:
    """Such as ``+1.6 %``; a dash for unknown."""
    return "-" if change is None else f"{signed_percent(change)} %"


def interval_text(metric: MetricComparison) -> str:
    """Such as ``-1.6 to +4.9 %``; a dash where there is none."""
    if metric.low is None or metric.high is None:
        return "-"
    return f"{signed_percent(metric.low)} to {signed_percent(metric.high)} %"


def difference_parts(difference: Difference) -> tuple[Wording, ...]:
    """The field, and its two values."""
    nothing = "none" if difference.field in _MAY_BE_NONE else "unknown"
    one, other = (
        nothing if value is None else Foreign(value) for value in (difference.reference, difference.candidate)
    )
    return Foreign(difference.field), ": ", one, " -> ", other


def titles(metrics: Sequence[MetricName], terms: Terms) -> str:
    """Metrics by their names for people; a name that two share comes once."""
    return ", ".join(dict.fromkeys(metric_named(name, terms).title(terms) for name in metrics))


def threshold_text(threshold: float) -> str:
    """Such as ``3 %``."""
    return f"{100 * threshold:.4g} %"
