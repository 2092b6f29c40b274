"""Merge the one-launch records of a side into one record, with figures computed from all raw samples.

What a record holds once (timeline, devices, machine, environment) comes from the launch whose timeline is nearest the
mean.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import overload

import msgspec

from pipebench.comparison import fields
from pipebench.errors import EnvironmentRefusedError
from pipebench.records import store, summary
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.figures import Baseline, Bubble, Candidate, Pipeline, Verification
from pipebench.records.launches import Launch
from pipebench.records.run import CompletedRun, RunRecord, ended_early
from pipebench.records.schema import Failure, WarningRecord
from pipebench.records.terms import terms_of
from pipebench.records.trace import OtherTotal, TracePlan, TraceRecord, bubble_of
from pipebench.warning_codes import WarningCode

_BESIDE = "another_run_beside"


def check_alike(earlier: Sequence[Comparable], record: Comparable, side: str) -> None:
    """Check that the next launch of a side repeats the measurement of its first one.

    Raises:
        EnvironmentRefusedError: ``record`` cannot be compared with the side's first one.
    """
    for each in fields.mismatches(earlier[0], record) if earlier else ():
        raise EnvironmentRefusedError(
            f"side {side}: its launch {len(earlier) + 1} does not repeat its first one: "
            f"{each.field} {each.reference} -> {each.candidate}"
        )


@overload
def merged(
    records: Sequence[CompletedRun],
    side: str,
    *,
    environment: Mapping[str, str] | None = None,
    failure: None = None,
) -> CompletedRun: ...


@overload
def merged(
    records: Sequence[Comparable],
    side: str,
    *,
    environment: Mapping[str, str] | None = None,
    failure: Failure | None = None,
) -> Comparable: ...


def merged(
    records: Sequence[Comparable],
    side: str,
    *,
    environment: Mapping[str, str] | None = None,
    failure: Failure | None = None,
) -> Comparable:
    """Merge the launches of ``side``, all completed and of one kind; the result is aborted if there is a ``failure``.

    ``environment`` is added to what the records say of theirs.
    """
    assert records
    runs = [record for record in records if isinstance(record, CompletedRun)]
    commands = [record for record in records if isinstance(record, CommandRecord)]
    traces = [record for record in records if isinstance(record, TraceRecord)]
    assert [bool(runs), bool(commands), bool(traces)].count(True) == 1
    if traces:
        assert failure is None, "a recorded run is always complete"
        return _of_traces(traces, side, environment or {})
    if runs:
        return _of_runs(runs, side, environment or {}, failure)
    return _of_commands(commands, side, environment or {}, failure)


def _of_traces(records: Sequence[TraceRecord], side: str, environment: Mapping[str, str]) -> TraceRecord:
    """Merge recorded runs; what a record has once comes from the one whose step is nearest the mean."""
    launches = [launch for record in records for launch in record.launches]
    step_s = fmean(launch.step_s for launch in launches)
    nearest = min(records, key=lambda record: abs(record.step_s - step_s))
    steps = [step for launch in launches for step in launch.steps]
    created, devices = store.now(), nearest.plan.devices
    return msgspec.structs.replace(
        nearest,
        id=store.new_id(created, f"trace{devices}-{side.lower()}"),
        created=created.isoformat(timespec="seconds"),
        plan=_plan(nearest.plan, records),
        files=[file for record in records for file in record.files],
        launches=launches,
        bubble=Bubble(fraction=bubble_of(steps, devices)),
        totals=_totals(records),
        warnings=[each for each in _each_once(records) if each.code != WarningCode.ONE_LAUNCH],
        environment=_environment(nearest, records, environment),
    )


def _plan(plan: TracePlan, records: Sequence[TraceRecord]) -> TracePlan:
    """The plan of the record that is shown, which says whether steps of any record run in another order."""
    others = any(each.plan.other_orders or each.plan.order not in (None, plan.order) for each in records)
    return msgspec.structs.replace(plan, other_orders=others)


def _totals(records: Sequence[TraceRecord]) -> list[OtherTotal]:
    """Other operations by name: how many in all records, and the means over the steps of all."""
    of_name: dict[str, list[tuple[OtherTotal, int]]] = defaultdict(list)  # each with its record's steps
    for record in records:
        for each in record.totals:
            of_name[each.operation].append((each, len(record.steps)))
    steps = sum(len(record.steps) for record in records)
    return [_total(name, found, steps) for name, found in of_name.items()]


def _total(name: str, found: Sequence[tuple[OtherTotal, int]], steps: int) -> OtherTotal:
    """The operations of one name; which devices have them is not known if an older record has some."""
    spent_s = sum(each.mean_s * of for each, of in found)
    having_s = [each.having_s * of for each, of in found if each.having_s is not None]
    devices = [each.devices for each, _ in found if each.devices is not None]
    known = len(having_s) == len(devices) == len(found)
    return OtherTotal(
        name,
        sum(each.count for each, _ in found),
        spent_s / steps,
        devices=max(devices) if known else None,
        having_s=sum(having_s) / steps if known else None,
    )


def _of_commands(
    records: Sequence[CommandRecord],
    side: str,
    environment: Mapping[str, str],
    failure: Failure | None,
) -> CommandRecord:
    created = store.now()
    return msgspec.structs.replace(
        records[0],
        id=store.new_id(created, f"command-{side.lower()}"),
        created=created.isoformat(timespec="seconds"),
        status="completed" if failure is None else "aborted",
        launches=[launch for record in records for launch in record.launches],
        warnings=_each_once(records),
        environment=_environment(records[0], records, environment),
        failure=failure,
    )


def _of_runs(
    records: Sequence[CompletedRun],
    side: str,
    environment: Mapping[str, str],
    failure: Failure | None,
) -> RunRecord:
    launches = [launch for record in records for launch in record.launches]
    baseline = _baseline(records, launches)
    step_s, speedup = summary.pipeline_step_s(launches), summary.speedup(launches)
    nearest = min(records, key=lambda record: abs(record.timeline.makespan_s - step_s))
    created, device = store.now(), nearest.device
    whole = msgspec.structs.replace(
        nearest,
        id=store.new_id(created, f"{device.kind}{device.count}-{nearest.config.schedule}-{side.lower()}"),
        created=created.isoformat(timespec="seconds"),
        config=msgspec.structs.replace(nearest.config, launches=len(launches)),
        baseline=baseline,
        pipeline=Pipeline(step_s, *_rates(nearest, step_s)),
        speedup=speedup,
        efficiency=speedup.value * baseline.devices / device.count,
        verification=_worst([record.verification for record in records]),
        launches=launches,
        warnings=_warnings(records),
        environment=_environment(nearest, records, environment),
        plan=nearest.plan if all(record.plan == nearest.plan for record in records) else None,
    )
    return whole if failure is None else ended_early(whole, "aborted", failure)


def _environment(
    shown: Comparable, records: Sequence[Comparable], more: Mapping[str, str]
) -> dict[str, str | int | float | bool | None]:
    """The environment of the record that is shown, with another run beside if there was one beside any record."""
    beside = any(record.environment.get(_BESIDE) for record in records)
    return shown.environment | ({_BESIDE: True} if beside else {}) | dict(more)


def _rates(record: CompletedRun, step_s: float) -> tuple[float | None, float | None]:
    """Words and items a second; ``None`` for what the record lacks."""
    measured, rate = record.pipeline, record.input.items / step_s
    return (
        None if measured.words_per_s is None else rate,
        None if measured.items_per_s is None else rate,
    )


def _worst(found: Sequence[Verification]) -> Verification:
    """The verification with the largest error of a gradient, and with the largest error of a parameter of all."""
    worst = max(found, key=lambda each: each.max_relative_gradient_error)
    updated = [error for each in found if (error := each.max_relative_parameter_error) is not None]
    return msgspec.structs.replace(worst, max_relative_parameter_error=max(updated, default=None))


def _baseline(records: Sequence[CompletedRun], launches: Sequence[Launch]) -> Baseline:
    """The form that won most races, with every candidate's steps; its step is over all launches, whichever form won."""
    (kind, microbatches), _ = _forms(records).most_common(1)[0]
    step_s = summary.baseline_step_s(launches)
    raced = (record.baseline for record in records)
    won = next(each for each in raced if (each.kind, each.microbatches) == (kind, microbatches))
    words_per_s, items_per_s = _rates(records[0], step_s)
    return msgspec.structs.replace(
        won,
        step_s=step_s,
        words_per_s=words_per_s,
        items_per_s=items_per_s,
        candidates=_candidates(records),
    )


def _forms(records: Sequence[CompletedRun]) -> Counter[tuple[str, int]]:
    return Counter((record.baseline.kind, record.baseline.microbatches) for record in records)


def _candidates(records: Sequence[CompletedRun]) -> list[Candidate]:
    steps: dict[tuple[str, int], list[float]] = {}
    for each in (candidate for record in records for candidate in record.baseline.candidates):
        steps.setdefault((each.kind, each.microbatches), []).extend(each.step_s)
    return [Candidate(kind, count, found, len(found)) for (kind, count), found in steps.items()]


def _each_once(records: Sequence[Comparable]) -> list[WarningRecord]:
    """Each kind of warning once, as the first launch that had it says it."""
    found: dict[str, WarningRecord] = {}
    for warning in (warning for record in records for warning in record.warnings):
        found.setdefault(warning.code, warning)
    return list(found.values())


def _warnings(records: Sequence[CompletedRun]) -> list[WarningRecord]:
    found = {
        warning.code: warning for warning in _each_once(records) if warning.code != WarningCode.ONE_LAUNCH
    }
    forms = _forms(records)
    if len(forms) > 1:
        told = ", ".join(f"{kind} x{microbatches} {won} times" for (kind, microbatches), won in forms.items())
        found[WarningCode.BASELINE_VARIED] = WarningRecord(
            code=WarningCode.BASELINE_VARIED,
            cause=f"each launch raced the baseline's forms, and they did not all find the same one: {told}",
            next_step=f"trust {terms_of(records[0]).rate} more than the speed-up where the two disagree",
        )
    return list(found.values())
