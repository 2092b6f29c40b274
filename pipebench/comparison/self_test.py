"""The gate tries itself: what must be caught is put in, and what comes out is looked at.

A gate that cannot fire is worse than none. Every trial goes the whole way of a check, from files to an exit code.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipebench.comparison import gates, sources
from pipebench.comparison.compare import Rules
from pipebench.comparison.specimen import specimen
from pipebench.errors import ExitCode, PipebenchError
from pipebench.records import store
from pipebench.records.schema import Launch, RunRecord, Samples
from pipebench.records.selection import Search, select


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
        """For people."""
        codes = " or ".join(str(int(code)) for code in self.expected)
        return f"{'caught' if self.passed else 'UNSEEN'}  {self.name}: expected exit {codes}, found {int(self.found)}"


@dataclass(frozen=True)
class SelfTest:
    """All trials of a gate."""

    trials: list[Trial]

    @property
    def exit_code(self) -> ExitCode:
        """0 if all was caught; 4 if only noise hid the slowdown; a bug of ours otherwise."""
        unseen = {trial.found for trial in self.trials if not trial.passed}
        if not unseen:
            return ExitCode.DONE
        return ExitCode.INCONCLUSIVE if unseen == {ExitCode.INCONCLUSIVE} else ExitCode.BUG

    def document(self) -> dict[str, Any]:
        """For machines."""
        trials = [
            {"name": trial.name, "expected": trial.expected, "found": trial.found, "caught": trial.passed}
            for trial in self.trials
        ]
        return {"trials": trials, "exit_code": self.exit_code}


def self_test(name: str | None, folder: Path, rules: Rules) -> SelfTest:
    """Try the gate on a record by its name, or on a made-up one.

    Raises:
        UsageError: There is no such record.
        CorruptRecordError: It cannot be read, or is no run's.
    """
    record = select(name, Search(folder)).record if name else specimen()
    with tempfile.TemporaryDirectory(prefix="pipebench-") as place:
        return SelfTest(list(_trials(record, Path(place), rules)))


def slowed(record: RunRecord, worsening: float) -> RunRecord:
    """The record with every step of the pipeline so much longer that words/s fall by ``worsening``."""
    factor = 1 / (1 - worsening)

    def slow(launch: Launch) -> Launch:
        steps = [factor * step for step in launch.pipeline.step_s]
        return msgspec.structs.replace(launch, pipeline=Samples(steps))

    return msgspec.structs.replace(record, launches=[slow(launch) for launch in record.launches])


def _trials(record: RunRecord, place: Path, rules: Rules) -> Iterator[Trial]:
    baseline = _write(place / "baseline.json", store.encode(record))
    largest = max(rules.gates.values())
    worsening = min(2 * largest, (1 + largest) / 2)

    def trial(name: str, document: bytes, *expected: ExitCode) -> Trial:
        return Trial(name, expected, _exit_code(_write(place / "current.json", document), baseline, rules))

    yield trial(
        "the same again, which is no regression", store.encode(record), ExitCode.DONE, ExitCode.INCONCLUSIVE
    )
    slow = store.encode(slowed(record, worsening))
    yield trial(f"a slowdown, {100 * worsening:.3g} % fewer words/s", slow, ExitCode.REGRESSION)
    yield trial(
        "a missing metric, in a run that was aborted", store.encode(_aborted(record)), ExitCode.MISSING
    )
    yield trial(
        "a corrupt file, half of a record",
        store.encode(record)[: baseline.stat().st_size // 2],
        ExitCode.CORRUPT,
    )
    yield trial("another clock", store.encode(_other_clock(record)), ExitCode.NOT_COMPARABLE)
    baseline.unlink()
    yield trial("a missing baseline", store.encode(record), ExitCode.MISSING)


def _exit_code(current: Path, baseline: Path, rules: Rules) -> ExitCode:
    """As the command's, without anything allowed."""
    try:
        record = gates.check(*sources.checked(str(current), str(baseline), current.parent), rules)
    except PipebenchError as error:
        return error.exit_code
    assert record.gate is not None
    return ExitCode(record.gate.exit_code)


def _aborted(record: RunRecord) -> RunRecord:
    return msgspec.structs.replace(record, status="aborted")


def _other_clock(record: RunRecord) -> RunRecord:
    return msgspec.structs.replace(record, clock="wall" if record.clock == "virtual" else "virtual")


def _write(path: Path, document: bytes) -> Path:
    path.write_bytes(document)
    return path
