"""Warnings beside a comparison's figures: about a record, about two records, about mismatches that never pass."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median, median_low

from pipebench.comparison import run_fields, verdicts
from pipebench.comparison.coarseness import is_rounding, resolution
from pipebench.comparison.contradictions import contradictions
from pipebench.comparison.doubts import Doubt
from pipebench.comparison.metrics import Sample, metric_named, samples
from pipebench.diagnosis.contention import contention
from pipebench.plurals import counted
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.comparison import Difference, MetricComparison, MetricName
from pipebench.records.run import CompletedRun
from pipebench.records.schema import WarningRecord
from pipebench.records.selection import Source
from pipebench.records.terms import terms_of
from pipebench.records.trace import TraceRecord
from pipebench.statistics.power import LEAST_LAUNCHES
from pipebench.warning_codes import WarningCode

# A launch is reported if it is _FAR times the median of at least _FEW others, which lie within _CLOSE.
_FAR, _CLOSE, _FEW = 1.2, 0.05, 3


def of_a_record(
    source: Source, label: str, found: Mapping[MetricName, Sample], doubtful: Sequence[Doubt]
) -> list[WarningRecord]:
    """Warnings about one record; their words are ours, so that a record cannot bring in text of its own."""
    result = [WarningRecord(doubt.code, f"{label}: {doubt.cause}", doubt.next_step) for doubt in doubtful]
    if isinstance(source.record, CompletedRun):
        result += _of_a_run(source.record, label, found)
    elif isinstance(source.record, CommandRecord) and source.record.launches:
        result += _of_a_command(source.record, label)
    elif isinstance(source.record, TraceRecord):
        result += _of_a_trace(source.record, label)
    if any(warning.code == WarningCode.RUN_BESIDE for warning in source.record.warnings):
        cause = f"{label}: another pipebench run measured on its machine at the same time"
        result.append(WarningRecord(WarningCode.RUN_BESIDE, cause, "measure again, one run after the other"))
    if any(warning.code == WarningCode.BASELINE_VARIED for warning in source.record.warnings):
        cause = f"{label}: its launches did not all find the same form of one device's step to be the fastest"
        rate = terms_of(source.record).rate
        result.append(
            WarningRecord(
                WarningCode.BASELINE_VARIED, cause, f"trust {rate} more than the speed-up where they disagree"
            )
        )
    if source.unlike:
        cause = (
            f"{source.unlike} runs of other configurations in the folder of {label} were left out: "
            f"they differ in {', '.join(source.apart)}"
        )
        result.append(WarningRecord(WarningCode.UNLIKE, cause, "name those that are to be compared"))
    if source.passed_over:
        cause = f"{label}: newer records beside it were passed over: {source.passed_over} (unfinished or unreadable)"
        result.append(WarningRecord(WarningCode.PASSED_OVER, cause, "name a record to be sure"))
    return result


def _of_a_run(record: CompletedRun, label: str, found: Mapping[MetricName, Sample]) -> list[WarningRecord]:
    result = [
        WarningRecord(
            WarningCode.CONTRADICTION, f"{label}: {cause}", "the samples are what is compared; run again"
        )
        for cause in contradictions(record, found)
    ]
    shared = any(warning.code == WarningCode.CORES_SHARED for warning in record.warnings)
    busy = None if shared else contention(record.launches, record.environment)
    if busy is not None:
        result.append(WarningRecord(busy.code, f"{label}: {busy.cause}", busy.next_step))
    return result


def _of_a_command(record: CommandRecord, label: str) -> Iterator[WarningRecord]:
    """Warnings of launches far from the others, which lie close together; often the first one, which starts cold."""
    values = [launch.value for launch in record.launches]
    for number, value in enumerate(values, start=1):
        others = values[: number - 1] + values[number:]
        if len(others) < _FEW or max(others) > (1 + _CLOSE) * min(others):
            continue
        times = value / median(others)
        if 1 / _FAR <= times <= _FAR:
            continue
        cause = (
            f"{label}: launch {number} is {times:.3g} times the median of the others, "
            f"which lie within {100 * _CLOSE:.0f} %"
        )
        cold = "a cold first launch is left out by guard's --warm-launches 1"
        yield WarningRecord(
            WarningCode.LAUNCH_APART, cause, cold if number == 1 else "find what ran beside it then"
        )


def _of_a_trace(record: TraceRecord, label: str) -> Iterator[WarningRecord]:
    """A warning if there are fewer runs than a verdict needs: many steps of one run are still one launch."""
    runs, steps = len(record.launches), len(record.steps)
    if runs < LEAST_LAUNCHES:
        are = "is" if steps == 1 else "are"
        cause = (
            f"{label}: its {counted(steps, 'recorded step')} {are} of {counted(runs, 'run')}, and a "
            f"verdict needs {LEAST_LAUNCHES} runs a side: steps of one run have too much in common"
        )
        yield WarningRecord(
            WarningCode.FEW_RUNS, cause, f"record {LEAST_LAUNCHES} and join them: pipebench merge FOLDER"
        )


def of_what_never_passes(standing: Sequence[Difference], allowed: frozenset[str]) -> list[WarningRecord]:
    """Warnings of mismatches that the user wanted to let pass, but that never pass."""
    result, found = [], allowed & {each.field for each in standing}
    if run_fields.CLOCK in found:
        cause = "virtual and wall-clock seconds are not of one kind: no option lets that pass"
        result.append(WarningRecord(WarningCode.CLOCK_NEVER_PASSES, cause, "compare runs of one clock"))
    if run_fields.BASELINE in found:
        cause = "speed-ups over different numbers of devices are not of one kind: no option lets that pass"
        result.append(
            WarningRecord(WarningCode.BASELINE_NEVER_PASSES, cause, "compare runs of equal baselines")
        )
    return result


def of_a_comparison(
    records: tuple[Comparable, Comparable], metrics: Mapping[MetricName, MetricComparison]
) -> list[WarningRecord]:
    """Warnings that only the two records together show; a metric of two names is reported once."""
    result: list[WarningRecord] = []
    terms = terms_of(records[0])
    if records[0].id == records[1].id and records[0] == records[1]:
        result.append(
            WarningRecord(WarningCode.SAME_RECORD, "a record was compared with itself", "name two runs")
        )
    result += _same_files(*records)
    result += _numbers_of_values(*records)
    result += _coarse(*records, metrics)
    for name, each in metrics.items():
        if (
            each.verdict == "regression"
            and each.rank_p_value is not None
            and each.rank_p_value >= verdicts.LEVEL
        ):
            cause = (
                f"{metric_named(name, terms).title(terms)}: the order of the launches alone does not show it "
                f"(Mann-Whitney p = {each.rank_p_value:.2g})"
            )
            warning = WarningRecord(WarningCode.RANK_TEST, cause, "look at the launches, or run more of them")
            result += [warning] if warning not in result else []
    return result


def _same_files(reference: Comparable, candidate: Comparable) -> Iterator[WarningRecord]:
    """A warning if the same recorded steps are on both sides: these agree, whatever was changed in between."""
    if (
        not (isinstance(reference, TraceRecord) and isinstance(candidate, TraceRecord))
        or reference == candidate
    ):
        return
    known = {each.sha256 for each in reference.files}
    same = sum(each.sha256 in known for each in candidate.files)
    if same:
        all_of = len(candidate.files)
        which = "its file is" if all_of == same == 1 else f"{same} of its {all_of} files are"
        cause = f"B: {which} A's too, byte by byte: the same recorded steps are on both sides"
        yield WarningRecord(WarningCode.SAME_FILES, cause, "name records of two runs")


def _coarse(
    reference: Comparable, candidate: Comparable, metrics: Mapping[MetricName, MetricComparison]
) -> Iterator[WarningRecord]:
    """A warning if two commands print so few digits that a verdict may come from rounding."""
    if not isinstance(reference, CommandRecord) or not isinstance(candidate, CommandRecord):
        return
    for name, each in metrics.items():
        if each.reference is None or each.candidate is None:
            continue
        one, other = (samples(record)[name].grain for record in (reference, candidate))
        assert one is not None
        assert other is not None
        seen = resolution(one, other)
        if is_rounding(each.reference, each.candidate, seen, each.threshold):
            share = f"{100 * seen / each.reference:.1f} % of them"
            cause = f"the values come in steps of {seen:.4g}, which is {share}: this may be rounding alone"
            yield WarningRecord(WarningCode.COARSE_VALUES, cause, "let the command print more digits")


def _numbers_of_values(reference: Comparable, candidate: Comparable) -> Iterator[WarningRecord]:
    """A warning if launches of the two commands print different numbers of values, as if they did different work."""
    if not isinstance(reference, CommandRecord) or not isinstance(candidate, CommandRecord):
        return
    if not reference.launches or not candidate.launches:
        return
    one, other = (
        median_low(len(each.samples) for each in record.launches) for record in (reference, candidate)
    )
    if one != other:
        cause = f"a launch of the reference printed {one:,} values, one of the candidate {other:,}"
        yield WarningRecord(
            WarningCode.SAMPLES_DIFFER,
            cause,
            "print as many on both sides, unless the command runs for a fixed time",
        )
