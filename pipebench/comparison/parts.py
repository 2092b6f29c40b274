"""Which parts of a ratio moved where the ratio did, each told from its own row of the comparison.

    speed-up = the baseline's step / the pipeline's step        efficiency = speed-up x baseline's devices / devices
    bubble = 1 - busy time of a device / the pipeline's step

A ratio's verdict does not say which of its parts changed: a speed-up may fall because one device got faster. What is
said of a part is its row's verdict. A part is called unchanged only where its row says so, or where both records hold
exactly the same samples.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from pipebench.comparison.verdicts import TOO_FEW
from pipebench.records.command import Comparable
from pipebench.records.comparison import MetricComparison, MetricName
from pipebench.records.run import RunRecord
from pipebench.records.terms import WORDS, Terms, in_common, terms_of
from pipebench.records.trace import TraceRecord
from pipebench.warning_codes import WarningCode

_OF_ONE_DEVICE = frozenset({"speedup", "efficiency"})
_MOVED = frozenset({"regression", "improvement"})
# The reasons of an inconclusive verdict that are no doubts.
_NOT_TOLD = frozenset({TOO_FEW, WarningCode.WIDE_INTERVAL, "not-above-zero"})
_HUGE = 10_000.0


class _Part(NamedTuple):
    """What a part is called in a sentence, and what it is when its figure is larger or smaller."""

    name: str
    larger: str
    smaller: str


_PARTS: Mapping[MetricName, _Part] = {
    "baseline_words_per_s": _Part("{baseline}", "faster", "slower"),
    "baseline_throughput": _Part("{baseline}", "faster", "slower"),
    "words_per_s": _Part("the pipeline itself", "faster", "slower"),
    "throughput": _Part("the pipeline itself", "faster", "slower"),
    "step_s": _Part("the pipeline's own step", "longer", "shorter"),
    "busy_s": _Part("the busy time of a device", "longer", "shorter"),
}


class Setting(NamedTuple):
    """What a side's ratios depend on: devices, items a step, which form of the step one device runs, and terms."""

    devices: int
    items: float | None
    form: str | None
    terms: Terms = Terms()


def setting_of(record: Comparable) -> Setting:
    """The setting of a record; a command has no ratios, and a trace no baseline."""
    if isinstance(record, TraceRecord):
        return Setting(record.plan.devices, None, None, terms_of(record))
    if not isinstance(record, RunRecord):
        return Setting(1, None, None, terms_of(record))
    items = record.config.input.items if record.config.input else None
    return Setting(record.device.count, items, form_of(record), terms_of(record))


def form_of(record: RunRecord) -> str | None:
    """The form of one device's step, as ``chain-microbatches x 2``."""
    baseline = record.baseline
    if baseline is None:
        return None
    slices = f" x {baseline.microbatches}" if baseline.microbatches > 1 else ""
    return f"{baseline.kind}{slices}"


def parts_of(metric: MetricName, *, unit: str = WORDS, same_items: bool = True) -> tuple[MetricName, ...]:
    """The metrics that a ratio is made of, by the names that fit the unit; empty for a metric that is no ratio."""
    if metric in _OF_ONE_DEVICE:
        words = unit == WORDS
        own: MetricName = "words_per_s" if words else "throughput"
        return ("baseline_words_per_s" if words else "baseline_throughput", "step_s" if same_items else own)
    return ("busy_s", "step_s") if metric == "bubble_fraction" else ()


def explained(
    metrics: Mapping[MetricName, MetricComparison],
    settings: tuple[Setting, Setting],
    identical: Collection[MetricName],
) -> dict[MetricName, MetricComparison]:
    """The metrics of two records, with parts and explanations. ``identical``: those whose samples are exactly equal."""
    reference, candidate = settings
    result = dict(metrics)
    if reference.terms.better is not None:  # whatever a command calls its metric, it is no ratio of ours
        return result
    unit, same = in_common([each.terms for each in settings]).unit, reference.items == candidate.items
    for name, ratio in metrics.items():
        rows = {part: metrics[part] for part in parts_of(name, unit=unit, same_items=same)}
        if rows:
            text = explanation(name, rows, settings, identical) if _asks(ratio, rows) else None
            result[name] = replace(ratio, parts=list(rows), explanation=text)
    return result


def explanation(
    ratio: MetricName,
    rows: Mapping[MetricName, MetricComparison],
    settings: tuple[Setting, Setting],
    identical: Collection[MetricName] = (),
) -> str:
    """One sentence: what each part did, and what else the ratio depends on."""
    reference, candidate = settings
    moved = all(map(_moved, rows.values()))
    told = [
        _told(name, each, reference.terms.baseline, identical=name in identical)
        for name, each in rows.items()
    ]
    if ratio != "speedup" and reference.devices != candidate.devices:
        told.append(f"devices: {reference.devices} -> {candidate.devices}")
    if ratio in _OF_ONE_DEVICE and reference.form != candidate.form:
        told.append(f"{reference.terms.whose} form: {reference.form} -> {candidate.form}")
    return f"{'both moved: ' if moved else ''}{'; '.join(told)}"


def _asks(ratio: MetricComparison, rows: Mapping[MetricName, MetricComparison]) -> bool:
    """Whether to explain the ratio: it changed, its gate could not tell, or all its parts changed and cancel."""
    if any(each.verdict == "missing" for each in rows.values()):
        return False
    if _moved(ratio):
        return True
    hidden = all(map(_moved, rows.values()))
    return ratio.gated and (ratio.verdict == "inconclusive" or (ratio.verdict == "same" and hidden))


def _moved(row: MetricComparison) -> bool:
    """Whether it changed beyond chance; a change counts even if a doubt makes its verdict inconclusive."""
    if row.verdict != "inconclusive" or row.reason in _NOT_TOLD or row.low is None or row.high is None:
        return row.verdict in _MOVED
    return not row.low <= 0 <= row.high and max(-row.low, row.high) >= row.threshold


def signed_percent(change: float) -> str:
    """A relative change in percent, such as ``+1.6``; from 10,000 on as a power of ten, to save room."""
    if abs(100 * change) >= _HUGE:
        return f"{100 * change:+.0e}"
    text = f"{100 * change:+,.1f}"
    return "0.0" if text in {"+0.0", "-0.0"} else text


def _told(name: MetricName, row: MetricComparison, baseline: str, *, identical: bool) -> str:
    part = _PARTS[name]
    called, change = part.name.format(baseline=baseline), row.change or 0.0
    if identical or row.verdict == "same":
        return f"{called} is unchanged ({signed_percent(change)} %)"
    interval = "" if row.low is None or row.high is None else _interval(row.low, row.high)
    if _moved(row):
        direction = part.larger if change > 0 else part.smaller
        size = signed_percent(abs(change)).removeprefix("+").removesuffix(".0")
        doubt = f"in doubt: {row.reason}" if row.reason else ""
        return f"{called} is {size} % {direction}{_bracketed(interval, doubt)}"
    estimate = "" if row.change is None else f"{signed_percent(change)} %"
    return f"it is not known whether {called} changed{_bracketed(row.reason or '', estimate, interval)}"


def _interval(low: float, high: float) -> str:
    return f"{signed_percent(low)} to {signed_percent(high)} %"


def _bracketed(*found: str) -> str:
    told = "; ".join(each for each in found if each)
    return f" ({told})" if told else ""
