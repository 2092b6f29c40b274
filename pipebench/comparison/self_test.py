"""The gate tests itself: faults that it must catch are put into a record, and its exit code is looked at.

A gate that cannot fire is worse than none. Every trial goes the whole way of a check, from files to an exit code.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipebench.comparison import gates, sources
from pipebench.comparison.compare import Rules
from pipebench.comparison.metrics import OF_WORDS, samples
from pipebench.comparison.specimen import specimen
from pipebench.comparison.verdicts import middle
from pipebench.errors import ExitCode, MissingError, PipebenchError, UsageError
from pipebench.records import documents
from pipebench.records.comparison import MetricName
from pipebench.records.launches import Launch, PipelineSamples, Samples
from pipebench.records.run import CompletedRun, EndedEarly, RunRecord, ended_early
from pipebench.records.terms import WORDS, terms_of
from pipebench.system.places import temporary_folder, writing_temporary_files


@dataclass(frozen=True)
class Trial:
    """What was put in, the exit codes that catch it, and the one that came out."""

    name: str
    expected: tuple[ExitCode, ...]
    found: ExitCode

    @property
    def passed(self) -> bool:
        """Whether it was caught."""
        return self.found in self.expected

    def line(self) -> str:
        """The trial as a line of text."""
        codes = " or ".join(str(int(code)) for code in self.expected)
        return f"{'caught' if self.passed else 'UNSEEN'}  {self.name}: expected exit {codes}, found {int(self.found)}"


@dataclass(frozen=True)
class SelfTest:
    """All trials of a gate, and the record they started from."""

    trials: list[Trial]
    tried_on: str = "a made-up record"

    @property
    def exit_code(self) -> ExitCode:
        """0 if all was caught; 4 if only noise hid the slowdown; a bug of ours otherwise."""
        unseen = {trial.found for trial in self.trials if not trial.passed}
        if not unseen:
            return ExitCode.DONE
        return ExitCode.INCONCLUSIVE if unseen == {ExitCode.INCONCLUSIVE} else ExitCode.BUG

    def document(self) -> dict[str, Any]:
        """The trials as a JSON object."""
        trials = [
            {"name": trial.name, "expected": trial.expected, "found": trial.found, "caught": trial.passed}
            for trial in self.trials
        ]
        return {"trials": trials, "exit_code": self.exit_code}


def self_test(given: RunRecord | None, rules: Rules) -> SelfTest:
    """Try the gate on a run, or on a made-up one.

    Raises:
        UsageError: A gate can never fire on it.
        MissingError: It lacks a metric that is gated.
        CorruptRecordError: Its samples cannot be those of a completed run.
    """
    record = given or specimen()
    rules, unit = rules.of([record]), terms_of(record).unit
    lacking = sorted(set(rules.gates) - set(samples(record)))
    if lacking or not isinstance(record, CompletedRun):
        instead = ", ".join(OF_WORDS[name] for name in lacking if name in OF_WORDS and unit != WORDS)
        why = f", it counts {unit}: gate on {instead}" if instead else ""
        raise MissingError(f"{record.id!r} has no {', '.join(lacking)}: nothing to try that gate on{why}")
    with temporary_folder() as place:
        trials = list(_trials(record, place, rules))
    return SelfTest(trials, given.id) if given else SelfTest(trials)


def slowed(record: CompletedRun, worsening: float) -> CompletedRun:
    """The record with every step of the pipeline so much longer that throughput falls by ``worsening``."""
    factor = 1 / (1 - worsening)

    def slow(launch: Launch) -> Launch:
        steps, busy = launch.pipeline.step_s, launch.pipeline.busy_s
        longer = PipelineSamples([factor * step for step in steps], [factor * work for work in busy])
        return msgspec.structs.replace(launch, pipeline=longer)

    return msgspec.structs.replace(record, launches=[slow(launch) for launch in record.launches])


def _slower_alone(record: CompletedRun, worsening: float) -> CompletedRun:
    """The record with every step of one device so much longer that its throughput falls by ``worsening``."""

    def slow(launch: Launch) -> Launch:
        longer = Samples([step / (1 - worsening) for step in launch.baseline.step_s])
        return msgspec.structs.replace(launch, baseline=longer)

    return msgspec.structs.replace(record, launches=[slow(launch) for launch in record.launches])


def _idler(record: CompletedRun, by: float) -> CompletedRun:
    """The record with devices that wait longer in steps of the same length: the bubble grows by the share ``by``."""

    def idle(launch: Launch) -> Launch:
        capacity = [record.device.count * step for step in launch.pipeline.step_s]
        pairs = zip(capacity, launch.pipeline.busy_s, strict=False)  # none, where it was not kept
        busy = [max(work - by * (whole - work), 0.0) for whole, work in pairs]
        return msgspec.structs.replace(launch, pipeline=PipelineSamples(launch.pipeline.step_s, busy))

    return msgspec.structs.replace(record, launches=[idle(launch) for launch in record.launches])


def _fuller(record: CompletedRun, by: float) -> CompletedRun:
    """The record with the peaks of memory raised by the share ``by``."""

    def fill(launch: Launch) -> Launch:
        peaks = [round(peak * (1 + by)) for peak in launch.peaks_bytes or ()]
        return msgspec.structs.replace(launch, peaks_bytes=peaks or None)

    return msgspec.structs.replace(record, launches=[fill(launch) for launch in record.launches])


class _Worsening(NamedTuple):
    """A change for the worse that gates on some metrics must catch; the text says how much, in per cent and terms."""

    metrics: frozenset[MetricName]
    text: str
    put_in: Callable[[CompletedRun, float], CompletedRun]


_WORSENINGS = (
    _Worsening(
        frozenset({"words_per_s", "throughput", "speedup", "step_s", "efficiency", "busy_s"}),
        "a slowdown, {by} % fewer {terms.rate}",
        slowed,
    ),
    _Worsening(
        frozenset({"baseline_words_per_s", "baseline_throughput"}),
        "a slower {alone}, {by} % fewer {terms.rate}",
        _slower_alone,
    ),
    _Worsening(frozenset({"bubble_fraction"}), "a bubble {by} % larger", _idler),
    _Worsening(frozenset({"peak_memory_bytes"}), "a peak of memory {by} % higher", _fuller),
)


def _trials(record: CompletedRun, place: Path, rules: Rules) -> Iterator[Trial]:
    baseline = _write(place / "baseline.json", documents.encode(record))
    terms = terms_of(record)
    alone = "single device" if terms.baseline_devices == 1 else f"baseline on {terms.alone}"

    def trial(name: str, document: bytes, *expected: ExitCode) -> Trial:
        return Trial(name, expected, _exit_code(_write(place / "current.json", document), baseline, rules))

    yield trial(
        "the same again, which is no regression",
        documents.encode(record),
        ExitCode.DONE,
        ExitCode.INCONCLUSIVE,
    )
    for metrics, text, put_in in _WORSENINGS:
        largest = max((rules.gates[name] for name in metrics & rules.gates.keys()), default=None)
        if largest is not None:
            by = min(2 * largest, (1 + largest) / 2)
            worse = put_in(record, by)
            _check_reach(record, worse, {name: rules.gates[name] for name in metrics & rules.gates.keys()})
            told = text.format(by=f"{100 * by:.3g}", terms=terms, alone=alone)
            yield trial(told, documents.encode(worse), ExitCode.REGRESSION)
    yield trial(
        "a missing metric, in a run that was aborted", documents.encode(_aborted(record)), ExitCode.MISSING
    )
    yield trial(
        "a corrupt file, half of a record",
        documents.encode(record)[: baseline.stat().st_size // 2],
        ExitCode.CORRUPT,
    )
    yield trial("another clock", documents.encode(_other_clock(record)), ExitCode.NOT_COMPARABLE)
    baseline.unlink()
    yield trial("a missing reference", documents.encode(record), ExitCode.MISSING)


def _check_reach(record: CompletedRun, worse: CompletedRun, gated: Mapping[MetricName, float]) -> None:
    """Refuse a gate that nothing can fire: a bubble of 90 % has no room to grow by 20 %."""
    before, after = samples(record), samples(worse)
    for name, threshold in gated.items():
        change = abs(middle(after[name]) / middle(before[name]) - 1)
        if change <= threshold:
            raise UsageError(
                f"--gate {name}={100 * threshold:g}%: can never fire on {record.id!r}, "
                f"which can get worse by {100 * change:.1f} % at most"
            )


def _exit_code(current: Path, baseline: Path, rules: Rules) -> ExitCode:
    """The exit code that ``check`` would have, with no mismatch allowed."""
    try:
        record = gates.check(*sources.checked(str(current), str(baseline), current.parent), rules)
    except PipebenchError as error:
        return error.exit_code
    assert record.gate is not None
    return ExitCode(record.gate.exit_code)


def _aborted(record: CompletedRun) -> EndedEarly:
    return ended_early(record, "aborted")


def _other_clock(record: CompletedRun) -> CompletedRun:
    return msgspec.structs.replace(record, clock="wall" if record.clock == "virtual" else "virtual")


def _write(path: Path, document: bytes) -> Path:
    with writing_temporary_files():
        path.write_bytes(document)
    return path
