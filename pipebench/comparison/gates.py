"""A check: the gated metrics, and the exit code that tells a CI job what was found. It fails closed."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import msgspec

from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.metrics import METRICS
from pipebench.comparison.overall import comparisons_of
from pipebench.errors import ExitCode, UsageError
from pipebench.records.comparison import ComparisonRecord, GateOutcome, MetricName, Verdict
from pipebench.records.selection import Source

_EXIT_CODES: dict[Verdict, ExitCode] = {
    "improvement": ExitCode.DONE,
    "same": ExitCode.DONE,
    "regression": ExitCode.REGRESSION,
    "inconclusive": ExitCode.INCONCLUSIVE,
    "incomparable": ExitCode.NOT_COMPARABLE,
    "missing": ExitCode.MISSING,
}


_WIDEST = 0.99
# Reasons for an inconclusive verdict that more launches of the same kind would not mend.
_NO_NOISE = frozenset({"not-above-zero"})
_PERCENTAGE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?%")


def check(
    current: Source, baseline: Source, rules: Rules | None = None, *, allow_inconclusive: bool = False
) -> ComparisonRecord:
    """Compare with the baseline, and decide.

    Raises:
        CorruptRecordError: A record's samples cannot be those of a completed run.
    """
    record = compare([baseline, current], rules)
    code = _EXIT_CODES[record.overall.verdict]
    reasons = {each.reason for each in record.metrics.values() if each.gated}
    if code is ExitCode.INCONCLUSIVE and allow_inconclusive and not reasons & _NO_NOISE:
        code = ExitCode.DONE
    return msgspec.structs.replace(record, gate=GateOutcome(code, allow_inconclusive))


def exit_code_of_comparison(record: ComparisonRecord) -> ExitCode:
    """0 when at least one candidate could be compared; else why none could."""
    verdicts = {compared.overall.verdict for compared in comparisons_of(record)}
    if verdicts - {"incomparable", "missing"}:
        return ExitCode.DONE
    return ExitCode.NOT_COMPARABLE if "incomparable" in verdicts else ExitCode.MISSING


def gates_from(
    texts: Sequence[str], names: Collection[MetricName] = tuple(METRICS)
) -> Mapping[MetricName, float]:
    """Read thresholds by metric from texts like ``METRIC=3%``; an empty result stands for the default gates.

    Args:
        texts: the values of ``--gate``.
        names: the metrics that may be gated.

    Raises:
        UsageError: A metric is unknown or given twice, or its threshold is no percentage above 0.
    """
    found = [_gate(text, names) for text in texts]
    twice = [name for name, number in Counter(name for name, _ in found).items() if number > 1]
    if twice:
        raise UsageError(f"--gate {twice[0]}: given more than once: leave one threshold")
    return dict(found)


def _gate(text: str, names: Collection[MetricName]) -> tuple[MetricName, float]:
    name, _, threshold = text.partition("=")
    if name not in names:
        raise UsageError(f"--gate {text!r}: expected METRIC=3% with METRIC one of {', '.join(names)}")
    return name, threshold_of(text, threshold, "words_per_s=3%")


def threshold_of(text: str, threshold: str, example: str) -> float:
    """Read a percentage such as ``3%`` as a share; ``text`` is the whole value of the option, for the error.

    Raises:
        UsageError: It is no percentage above 0, or above 99 %; the error shows ``example``.
    """
    value = float(threshold[:-1]) / 100 if _PERCENTAGE.fullmatch(threshold) else 0.0
    if not 0 < value <= _WIDEST:
        raise UsageError(
            f"--gate {text!r}: expected a percentage above 0 % and no more than {_WIDEST:.0%}, as in {example}"
        )
    return value
