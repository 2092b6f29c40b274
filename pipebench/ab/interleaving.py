"""The measurement: rounds of A B B A, looks at fixed numbers of launches, a verdict or the end of the budget.

    round       1     2     3     4     5     6
    order     ABBA  ABBA  ABBA  ABBA  ABBA  ABBA ...
    launches    2     4     6     8    10    12        a side
    look              x     x     x           x        until one is conclusive

Even numbers only, so that a linear drift adds as much to one side as to the other.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from pipebench.ab import looks
from pipebench.comparison import calibration, gates
from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.merging import check_alike, merged
from pipebench.errors import EnvironmentRefusedError, PipebenchError, RunBrokenError, UsageError
from pipebench.records import keeping
from pipebench.records.command import Comparable
from pipebench.records.comparison import ComparisonRecord, Looks, Verdict
from pipebench.records.schema import Failure
from pipebench.records.selection import Source
from pipebench.run import ending
from pipebench.run.listener import Doing, Listener
from pipebench.statistics.power import LEAST_LAUNCHES
from pipebench.system import signals
from pipebench.system.names import as_text

_ROUND = "ABBA"
_NOT_TO_BE_HAD: frozenset[Verdict] = frozenset({"incomparable", "missing"})


@dataclass(frozen=True)
class Effort:
    """How much may be measured: at most ``most`` launches a side, in about ``budget_s`` seconds.

    ``warm`` launches of each side come before the first round and do not count.
    """

    most: int = looks.DEFAULT_MOST
    budget_s: float = 1800.0
    warm: int = 0

    def check(self) -> None:
        """Make sure that it can lead to a verdict.

        Raises:
            UsageError: It cannot.
        """
        looks.planned(self.most)
        if not 0 < self.budget_s < inf:
            raise UsageError(f"--budget must be a number of seconds above 0, got {self.budget_s}")
        if self.warm < 0:
            raise UsageError(f"--warm-launches must be 0 or more, got {self.warm}")


class EndedError(Exception):
    """A measurement that was not finished: the cause, and the sides' records that keep their complete launches."""

    def __init__(self, cause: PipebenchError, kept: Sequence[keeping.Kept]) -> None:
        super().__init__(str(cause))
        self.cause, self.kept = cause, kept


class NotKeptError(EnvironmentRefusedError):
    """A measurement with a verdict, ``record``, whose sides' own records could not be written into their folder."""

    def __init__(self, record: ComparisonRecord, kept: Sequence[keeping.Kept]) -> None:
        super().__init__("; ".join(each.trouble for each in kept if each.trouble is not None))
        self.record = record


class Side(Protocol):
    """One of the two sides."""

    @property
    def label(self) -> str:
        """A or B."""

    @property
    def told(self) -> str:
        """What it is, for reports, without the values of variables."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What goes into the environment block of its record."""


S = TypeVar("S", bound=Side)


class Interleaved(Generic[S]):
    """Two sides and what they have measured so far.

    Args:
        sides: A and B.
        launch: one launch of a side.
        listener: hears of progress.
        clock: counts seconds.
        broken: makes the record of a side whose first launch broke; if it is ``None``, there is no such record.
    """

    def __init__(
        self,
        sides: tuple[S, S],
        launch: Callable[[S], Comparable],
        listener: Listener,
        *,
        clock: Callable[[], float] = time.monotonic,
        broken: Callable[[S, Failure], Comparable] | None = None,
    ) -> None:
        self.sides: Mapping[str, S] = {side.label: side for side in sides}
        self.launch, self.listener, self.clock, self.broken = launch, listener, clock, broken
        self.records: dict[str, list[Comparable]] = {side.label: [] for side in sides}
        self.turn = sides[0].label

    def measure(
        self, effort: Effort, rules: Rules, folder: Path, *, allow_inconclusive: bool = False
    ) -> ComparisonRecord:
        """Measure until the verdict is conclusive or the effort is spent; the sides' records are kept in ``folder``.

        ``allow_inconclusive`` lets an inconclusive verdict pass, if there were enough launches for any verdict.

        Raises:
            EndedError: A launch failed, or a signal came.
            NotKeptError: The folder cannot be written.
            Exception: A bug of ours; complete launches are kept, and notes on it say where.
        """
        numbers = looks.planned(effort.most)
        rules = replace(rules, level=looks.level_of_each(numbers), in_turn=True)
        try:
            taken = self._measure(numbers, effort.budget_s, rules, effort.warm)
        except PipebenchError as error:
            raise EndedError(error, self._kept(folder, error)) from error
        except OSError as error:
            refused = ending.refusal(error)
            raise EndedError(refused, self._kept(folder, refused)) from error
        except Exception as bug:
            for each in self._kept(folder, bug):
                ending.note(bug, each.path, each.trouble, len(each.record.launches))
            raise
        allow_inconclusive = allow_inconclusive and self.launches >= LEAST_LAUNCHES
        kept = self._kept(folder)
        reference, candidate = (Source(each.record, each.path or Path()) for each in kept)
        record = gates.check(candidate, reference, rules, allow_inconclusive=allow_inconclusive)
        record = msgspec.structs.replace(record, looks=Looks(taken, len(numbers), rules.level))
        record = self._named(calibration.with_warnings(record, reference.record))
        if any(each.trouble is not None for each in kept):
            raise NotKeptError(record, kept)
        return record

    def _named(self, record: ComparisonRecord) -> ComparisonRecord:
        """The record, with what each side was asked to be."""
        one, other = (as_text(side.told) for side in self.sides.values())
        return msgspec.structs.replace(
            record,
            reference=msgspec.structs.replace(record.reference, text=one),
            candidate=msgspec.structs.replace(record.candidate, text=other),
        )

    @property
    def launches(self) -> int:
        """Complete launches of the side that has fewer."""
        return min(map(len, self.records.values()))

    def _warm_up(self, launches: int) -> None:
        """Launches of each side that leave nothing but a warm machine."""
        for number in range(1, launches + 1):
            for label, side in self.sides.items():
                self.listener.progress(Doing(f"warm launch {number} of {launches}", (f"side {label}",)), 0.0)
                self.turn = label
                self.launch(side)

    def _measure(self, numbers: Sequence[int], budget_s: float, rules: Rules, warm: int = 0) -> int:
        """Do warm launches, rounds and looks; return how many looks were taken.

        A round begins if one as long as the longest so far would end within the budget. The first one always begins.
        """
        end_s, longest_s = self.clock() + budget_s, 0.0
        self._warm_up(warm)
        for taken, number in enumerate(numbers, start=1):
            before = self.launches
            while self.launches < number and self._may_begin(end_s - longest_s):
                begun_s = self.clock()
                if not self._round(rules, numbers[-1]):
                    return taken
                longest_s = max(longest_s, self.clock() - begun_s)
            if self.launches < number:
                self.listener.notice(
                    f"stopped: another round of {longest_s:.0f} s would pass the budget of {budget_s:g} s"
                )
            if self.launches == before:
                return max(taken - 1, 1)
            if self._look(rules) != "inconclusive" or self.launches < number:
                return taken
        return len(numbers)

    def _may_begin(self, latest_s: float) -> bool:
        """Whether a round may begin: the first one always, others until ``latest_s``."""
        return not self.launches or self.clock() <= latest_s

    def _round(self, rules: Rules, most: int) -> bool:
        """Measure A B B A; return whether there is anything to compare."""
        for label in _ROUND:
            done, total = sum(map(len, self.records.values())), 2 * most
            doing = Doing(f"launch {done + 1} of at most {total}", (f"side {label}",))
            self.listener.progress(doing, done / total)
            self.turn = label
            record = self.launch(self.sides[label])
            check_alike(self.records[label], record, label)
            self.records[label].append(record)
            if done == 1 and self._verdict(rules) in _NOT_TO_BE_HAD:
                return False
        return True

    def _look(self, rules: Rules) -> Verdict:
        verdict = self._verdict(rules)
        self.listener.notice(f"{self.launches} launches a side: {verdict}")
        return verdict

    def _verdict(self, rules: Rules) -> Verdict:
        """The verdict on all launches so far."""
        reference, candidate = (Source(merged(found, label), Path()) for label, found in self.records.items())
        return compare([reference, candidate], rules).overall.verdict

    def _kept(self, folder: Path, error: Exception | None = None) -> list[keeping.Kept]:
        """Keep every side that has a launch as one record, and beside it the log of a launch that broke.

        A signal waits until that is done.
        """
        failure = ending.failure_of(error) if error is not None else None
        log = error.log if isinstance(error, RunBrokenError) else ""
        kept = []
        with signals.held():
            for label, side in self.sides.items():
                record = self._joined(side, failure, broke=bool(log) and label == self.turn)
                if record is not None:
                    kept.append(keeping.keep(record, folder, log=log if label == self.turn else ""))
        return kept

    def _joined(self, side: S, failure: Failure | None, *, broke: bool) -> Comparable | None:
        """All launches of a side as one record; for a side without any, the record of its broken launch."""
        found = self.records[side.label]
        if found:
            return merged(found, side.label, environment=side.facts, failure=failure)
        return self.broken(side, failure) if broke and self.broken and failure else None
