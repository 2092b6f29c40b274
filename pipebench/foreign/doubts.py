"""Reasons to doubt a recording, or the means over it: a wrong unit, missing rows, slow replicas and steps. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean, median

from pipebench.diagnosis.sentences import seconds_text
from pipebench.foreign.parting import replica_alone, steps_apart
from pipebench.foreign.understanding import RecordedStep, Understood
from pipebench.plan.actions import Operation
from pipebench.records.schema import WarningRecord
from pipebench.timing.timeline import Span
from pipebench.warning_codes import WarningCode

_LONG_S = 5.0  # longer than any forward or backward that we know of
_WAITS = 0.5  # idle time before the last stage's first backward, in backwards of mean length
_REPLICA, _STEP = 1.03, 1.2  # times the mean of the other replicas, and the median of steps


def doubts(understood: Understood) -> list[WarningRecord]:
    """A warning for each reason that is there, the most serious first."""
    checks: Sequence[Callable[[Understood], Iterator[WarningRecord]]] = (
        _unit,
        _last_stage,
        _replicas,
        _steps,
    )
    return [warning for check in checks for warning in check(understood)]


def _unit(understood: Understood) -> Iterator[WarningRecord]:
    mean_s = fmean(span.end_s - span.start_s for each in understood.steps for span in each.timeline.spans)
    if mean_s > _LONG_S:
        yield WarningRecord(
            WarningCode.UNIT,
            f"a forward or backward takes {mean_s:,.0f} s on average, longer than any that we know of",
            "see that the table's times are seconds; divide milliseconds by 1,000, microseconds by 1,000,000",
        )


def _last_stage(understood: Understood) -> Iterator[WarningRecord]:
    """A true last stage does not wait: its first backward follows at once on what its device does before it."""
    last = understood.graph.stages - 1
    waits = [
        _first_wait(each.timeline.spans_of(understood.graph.device_of[last]), last)
        for each in understood.steps
    ]
    lengths = [
        span.end_s - span.start_s
        for each in understood.steps
        for span in each.timeline.spans_of(understood.graph.device_of[last])
        if span.action.stage == last and span.action.operation is not Operation.FORWARD
    ]
    wait_s = median(waits)
    if wait_s > _WAITS * fmean(lengths):
        yield WarningRecord(
            WarningCode.LAST_STAGE_WAITS,
            f"stage {last} is the last one that has rows, and its device does nothing for {seconds_text(wait_s)} ahead "
            "of its first backward: the rows of a later stage may be missing, or the loss is outside of all rows",
            "name the files of all ranks; if they are all there, record the loss within the last stage's forward",
        )


def _first_wait(spans: Sequence[Span], stage: int) -> float:
    """Seconds that a device is idle just before the first backward of this stage."""
    before_s = spans[0].start_s
    for span in spans:
        if span.action.stage == stage and span.action.operation is not Operation.FORWARD:
            return span.start_s - before_s
        before_s = max(before_s, span.end_s)
    return 0.0


def _replicas(understood: Understood) -> Iterator[WarningRecord]:
    """With data parallelism all replicas wait for the slowest one; a mean over replicas hides that."""
    of = _by_replica(understood.steps)
    if len(of) == 1:
        return
    means = {replica: fmean(each.measured_s for each in steps) for replica, steps in of.items()}
    slowest = max(means, key=lambda replica: means[replica])
    times = means[slowest] / fmean(mean_s for replica, mean_s in means.items() if replica != slowest)
    if times > _REPLICA:
        stage, stage_times = _slow_stage(of, slowest)
        blamed = stage_times > times + _REPLICA - 1
        where = f"; its stage {stage} takes {stage_times:.2f} times what it takes elsewhere" if blamed else ""
        yield WarningRecord(
            WarningCode.REPLICA_APART,
            f"a step of replica {slowest} takes {times:.2f} times what the others take{where}. Replicas that share "
            "gradients wait for the slowest, and means over replicas hide it",
            replica_alone(understood.recording, slowest),
        )


def _by_replica(steps: Sequence[RecordedStep]) -> Mapping[int, list[RecordedStep]]:
    found: dict[int, list[RecordedStep]] = defaultdict(list)
    for each in steps:
        found[each.replica].append(each)
    return found


def _slow_stage(of: Mapping[int, Sequence[RecordedStep]], replica: int) -> tuple[int, float]:
    """The stage of a replica that is furthest above the other replicas' mean, and by how many times."""
    own = _stages_s(of[replica])
    others = [_stages_s(steps) for other, steps in of.items() if other != replica]
    times = {
        stage: seconds / mean_s
        for stage, seconds in own.items()
        if (mean_s := fmean(each[stage] for each in others)) > 0
    }
    worst = max(times, key=lambda stage: times[stage], default=0)
    return worst, times.get(worst, 1.0)


def _stages_s(steps: Sequence[RecordedStep]) -> Mapping[int, float]:
    """How long each stage works in a step, on average."""
    found: dict[int, float] = defaultdict(float)
    for each in steps:
        for span in each.timeline.spans:
            found[span.action.stage] += (span.end_s - span.start_s) / len(steps)
    return found


def _steps(understood: Understood) -> Iterator[WarningRecord]:
    """Steps that are much longer than the usual one of their replica."""
    usual = {
        replica: median(each.measured_s for each in steps)
        for replica, steps in _by_replica(understood.steps).items()
    }
    apart = [each for each in understood.steps if each.measured_s > _STEP * usual[each.replica]]
    if apart:
        worst = max(apart, key=lambda each: each.measured_s / usual[each.replica])
        times = worst.measured_s / usual[worst.replica]
        yield WarningRecord(
            WarningCode.STEPS_APART,
            f"steps that take more than {_STEP} times the median of their replica: {len(apart)} of "
            f"{len(understood.steps)}, the worst step {worst.step} of replica {worst.replica}, {times:.2f} times",
            steps_apart(understood.recording, sorted({each.step for each in apart})),
        )
