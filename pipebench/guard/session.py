"""One ``pipebench guard`` from what was asked for to the record of the comparison."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pipebench.ab.asked import Both, check_asked
from pipebench.ab.interleaving import Effort, Interleaved
from pipebench.ab.place import place
from pipebench.comparison.compare import Rules
from pipebench.comparison.gates import threshold_of
from pipebench.errors import UsageError
from pipebench.guard.asked import WAYS, sides
from pipebench.guard.commands import Measured, Side, launch, record_of
from pipebench.records import store
from pipebench.records.command import CommandRecord
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.schema import Failure
from pipebench.run.devices import check_system
from pipebench.run.listener import Listener


class Session:
    """What was asked for, checked before anything is started.

    Args:
        asked: the two sides.
        command: what both run.
        measured: the metric and its rules.
        effort: how much may be measured.
        gate: the threshold, as ``3%`` or ``METRIC=3%``; ``None`` is the default one.
        folder: where the two sides' records are kept.

    Raises:
        UsageError: One of the arguments is not what it should be.
    """

    def __init__(
        self,
        *,
        asked: Both,
        command: Sequence[str],
        measured: Measured,
        effort: Effort,
        gate: str | None,
        folder: Path,
    ) -> None:
        self.asked, self.command, self.measured = asked, command, measured
        self.effort, self.folder = effort, folder
        if not command or not command[0]:
            raise UsageError("guard: expected the command to measure, after --")
        check_asked(asked, "guard", WAYS)
        effort.check()
        if measured.skip < 0:
            raise UsageError(f"--skip must be 0 or more, got {measured.skip}")
        if not measured.within_s > 0:
            raise UsageError(f"--timeout must be a number of seconds above 0, got {measured.within_s}")
        self.rules = Rules(gates=_gates(gate, measured.metric.field))

    def measure(self, listener: Listener, *, allow_inconclusive: bool) -> ComparisonRecord:
        """Measure both sides in turn; all that was temporary is gone at the end, whatever ends it.

        Raises:
            PipebenchError: A side is not there; nothing was measured.
            EndedError: A launch failed, or a signal came.
        """
        check_system("guard")
        store.check_folder(self.folder)
        with place() as folder, sides(self.asked, self.command, folder, listener.notice) as both:
            for side in both:
                listener.notice(f"{side.label}: {side.text}")
            metric = self.measured.metric
            listener.notice(f"{metric.field}: {metric.better} is better")
            interleaved = Interleaved(
                both,
                partial(launch, measured=self.measured, place=folder),
                listener,
                broken=self._broken,
            )
            return interleaved.measure(
                self.effort, self.rules, self.folder, allow_inconclusive=allow_inconclusive
            )

    def _broken(self, side: Side, failure: Failure) -> CommandRecord:
        """The record of a side that broke at its first launch, so that its log can be found."""
        return record_of(side, self.measured, [], failure=failure)


def _gates(gate: str | None, field: str) -> dict[str, float]:
    """The threshold by its metric, which need not be named; an empty result stands for the default one.

    Raises:
        UsageError: It names another metric, or is no threshold.
    """
    if gate is None:
        return {}
    name, equals, threshold = gate.rpartition("=")
    if equals and name != field:
        raise UsageError(f"--gate {gate!r}: expected 3% or {field}=3%: {field} is all that is measured")
    return {field: threshold_of(gate, threshold, f"3% or {field}=3%")}
