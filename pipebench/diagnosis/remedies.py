"""What would win back a step of a waterfall: a command, with the gain that is predicted for it. Pure.

A gain is how many times as fast the whole step would be, by simulation from the record. Where no command gains, the
text says so, with the most that could be gained if the loss were gone.
"""

from typing import TYPE_CHECKING, NamedTuple

from pipebench.diagnosis import same_run, single_changes, waterfall
from pipebench.diagnosis.predictions import MOST_ACTIONS, Gain, Predictions
from pipebench.diagnosis.retold import more_equal_of
from pipebench.diagnosis.sentences import USUAL
from pipebench.diagnosis.step import Step
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.run import RunRecord
from pipebench.records.terms import terms_of
from pipebench.system import pasting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SMALL = 0.995  # a factor above this is too small a loss to act on
_WORTH_IT = 1.005  # times as fast: less is not worth acting on
_HIDES = 1.02  # times the gain of a change in the step as it is: from here on the factor of a loss is told beside it
_HALF_LINK = "link x 0.5"
_MANY_LAUNCHES = 12
_UNKNOWN = "how much faster is not known before it is measured"


class Remedy(NamedTuple):
    """What would help, in words; ``gain`` is that of its ``command`` or, without one, the most that could be gained."""

    text: str
    gain: float | None = None
    command: str | None = None


class Remedies:
    """The remedies for one record.

    Args:
        record: the record of the run.
        step: the recorded step.
        name: the name by which the record can be found again, for commands.
        gain_of_sharing: how many times as fast the step is with a softmax that all devices share, by simulation;
            ``None`` if unknown.
    """

    def __init__(
        self, record: RunRecord, step: Step, *, name: str, gain_of_sharing: float | None = None
    ) -> None:
        self.record, self.step, self.name, self.sharing = record, step, name, gain_of_sharing
        known = len(step.replay.lengths) <= MOST_ACTIONS and record.config.schedule in SCHEDULES
        self.predictions = Predictions(record, step) if known else None
        self.foresees = self.predictions is not None and self.predictions.foresees
        self._ways: Mapping[str, Callable[[], Remedy | None]] = {
            waterfall.WORK: self._work,
            waterfall.SHARED: self._shared,
            waterfall.STAGES: self._stages,
            waterfall.FILL: self._fill,
            waterfall.WAITING: self._waiting,
            waterfall.SLICES: self._slices,
            waterfall.TRANSFERS: self._transfers,
            waterfall.VARIATION: self._variation,
            waterfall.HOST: self._host,
        }

    def of(self, step: str, factor: float) -> Remedy | None:
        """What would win a step back; ``None`` where nothing is lost."""
        if step == waterfall.UNEXPLAINED:
            return self._unexplained(factor)
        if step not in self._ways or factor > _SMALL:
            return None
        remedy = self._ways[step]()
        return remedy if remedy is None or remedy.gain is None or remedy.gain >= _WORTH_IT else None

    def _command(self, gain: Gain, why: str, *, most: str = "") -> Remedy:
        command = same_run.command(self.record, gain.changes)
        shown = command or f"the same run with {same_run.change_text(gain.changes)}"
        what = f"{most}{gain.times:.2f} times as fast"
        if gain.larger:
            what = f"{gain.times:.2f} times the {terms_of(self.record).rate}"
            why += "; the speed-up gains less if a single device gains too, and it takes more memory"
        return Remedy(f"{shown}: {what} by simulation, {why}", gain.times, shown)

    def _work(self) -> Remedy:
        found = self.predictions
        if found is not None and (fewer := found.fewer_slices()) is not None:
            return self._command(fewer, "with fewer slices")
        if found is not None and (larger := found.larger_slices()) is not None:
            return self._command(larger, "with larger slices; fewer slices of this batch would not be faster")
        if not self.foresees:
            return Remedy(f"a larger model or --batch, or fewer slices: {_UNKNOWN}")
        return Remedy("a larger model or --batch: nothing smaller is predicted to be faster")

    def _shared(self) -> Remedy:
        return Remedy("fewer devices than cores, or --device emulated")

    def _stages(self) -> Remedy:
        most = self._what_if("stages = mean")
        config = self.record.config
        if self.sharing is not None and self.sharing >= _WORTH_IT:
            found = Gain({"softmax_devices": "all"}, self.sharing)
            why = "with the softmax in pieces on all devices, since small products cost more"
            return self._command(found, why, most="at most ")
        if config.partition_rule != "balanced" and self.predictions is not None:
            better = self.predictions.balanced()
            if better is not None:
                return self._command(better, "if all layers cost the same")
        return Remedy(
            f"equal stages would make the step {most:.2f} times as fast{self._by_themselves(most)}; "
            f"{self._more_equal()}",
            most,
        )

    def _by_themselves(self, most: float) -> str:
        """What equal stages would gain by the waterfall, where messages and variation hide a part of that."""
        factors = self.step.factors
        if factors is None or factors.unequal < _HIDES * most:
            return ""
        return (
            f" ({factors.unequal:.2f} times, as the factor says, if messages took no time and nothing varied)"
        )

    def _more_equal(self) -> str:
        """What would make stages more equal, in words, where the model's sizes are known."""
        advice = more_equal_of(self.record)
        return "no option is known that makes them so" if advice is None else advice

    def _fill(self) -> Remedy:
        found = self.predictions
        if found is not None and (more := found.more_slices()) is not None:
            if more.at_most:
                return self._command(more, "with more slices, whose cost is not known", most="at most ")
            return self._command(more, "with more slices")
        if found is not None and (larger := found.more_of_the_same()) is not None:
            return self._command(
                larger, "with more slices of this size; more of this batch would not be faster"
            )
        if not self.foresees:
            return Remedy(f"more slices, a larger batch, or fewer devices: {_UNKNOWN}")
        return Remedy("fewer devices: neither more slices nor a larger batch is predicted to be faster")

    def _waiting(self) -> Remedy:
        found = self.predictions.other_schedule() if self.predictions is not None else None
        if found is not None:
            return self._command(found, "and it may keep more activations alive")
        if not self.foresees:
            return Remedy(f"another --schedule: {_UNKNOWN}")
        return Remedy("none of the other schedules would be faster")

    def _slices(self) -> Remedy:
        most = self._what_if("microbatches = mean")
        if self.record.config.bucket is False:
            return self._command(
                Gain({"no_bucket": False}, most), "with sentences of like length", most="at most "
            )
        return Remedy(f"microbatches of equal cost would make the step {most:.2f} times as fast", most)

    def _transfers(self) -> Remedy:
        gain = self._what_if(_HALF_LINK)
        command = pasting.command("explain", self.name, "--what-if", _HALF_LINK)
        faster = f"messages that take half the time would make the step {gain:.2f} times as fast"
        return Remedy(f"a faster link: {faster}: {command}", gain)

    def _variation(self) -> Remedy:
        return Remedy("an idle machine, with its clocks fixed")

    def _host(self) -> Remedy:
        return Remedy(
            "less work around the slices: fewer parameters a device, a cheaper optimizer, a faster host"
        )

    def _unexplained(self, factor: float) -> Remedy | None:
        """More launches on a quieter machine, where the step does not stand for all launches."""
        if USUAL[0] <= factor <= USUAL[1]:
            return None
        more = {"launches": _MANY_LAUNCHES}
        shown = same_run.command(self.record, more) or f"the same run with {same_run.change_text(more)}"
        return Remedy(f"on an idle machine: {shown}")

    def _what_if(self, text: str) -> float:
        """How many times as fast a step with a change is."""
        (found,) = single_changes.asked(self.step.recorded, [text])
        return found.gain or 1.0
