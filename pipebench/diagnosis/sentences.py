"""What each step of a waterfall stands for, in a sentence with the record's own figures. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean

from pipebench.diagnosis import waterfall
from pipebench.diagnosis.step import Step
from pipebench.models.registry import DEFAULT_MODEL, past_grows
from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.cells import on_each_slice
from pipebench.plurals import counted
from pipebench.records.run import RunRecord
from pipebench.records.terms import terms_of
from pipebench.timing.means import by_slice, even

_NOTHING = 0.9995
USUAL = 0.97, 1.03  # of what is unexplained


class Sentences:
    """The sentences on one record.

    Args:
        record: the record of the run.
        step: the recorded step.
        factors: those of its waterfall, by the waterfall's steps.
    """

    def __init__(self, record: RunRecord, step: Step, factors: Mapping[str, float]) -> None:
        self.record, self.step, self.factors = record, step, factors
        self.graph, self.lengths = step.replay.plan.graph, step.replay.lengths
        self.slices = record.config.microbatches * record.config.chunks
        self._of = {
            waterfall.DEVICES: self._devices,
            waterfall.BASELINE: self._baseline,
            waterfall.WORK: self._work,
            waterfall.SHARED: self._shared,
            waterfall.STAGES: self._stages,
            waterfall.FILL: self._fill,
            waterfall.WAITING: self._waiting,
            waterfall.SLICES: self._slices,
            waterfall.TRANSFERS: self._transfers,
            waterfall.VARIATION: self._variation,
            waterfall.HOST: self._host,
            waterfall.UNEXPLAINED: self._unexplained,
        }

    def of(self, step: str) -> str:
        """What a step of the waterfall says of this record."""
        return self._of[step]()

    def _times(self, step: str) -> str:
        """How many times as long the step of all devices takes for it, in words."""
        return f"{1 / self.factors[step]:.2f} times"

    def _devices(self) -> str:
        count = counted(self.record.device.count, f"{self.record.device.kind} device")
        alone = terms_of(self.record).alone
        return f"{count} would be {self.factors[waterfall.DEVICES]:.3g} times as fast as {alone} if nothing were lost"

    def _baseline(self) -> str:
        count = terms_of(self.record).baseline_devices
        return f"the baseline's step has the work of one device, though {count} devices hold its model"

    def _work(self) -> str:
        what = f"the work of {self.slices} slices" if self.slices > 1 else "the work stage by stage"
        extra = ["forwards that run again"] * (self.record.config.checkpoint != "none")
        extra += ["backwards in halves"] * self.graph.split_backward
        again = f" with {' and '.join(extra)}" if extra else ""
        form = self.record.baseline.kind if self.record.baseline is not None else "?"
        text = f"{what}{again} takes {self._times(waterfall.WORK)} as long as the baseline's step ({form})"
        if self.record.clock == "virtual":
            text += "; what a small slice costs is this host's, not the card's"
        return text

    def _shared(self) -> str:
        return f"devices that wait for a core take {self._times(waterfall.SHARED)} as long as their CPU time"

    def _stages(self) -> str:
        busy: dict[int, float] = defaultdict(float)
        for action, each_s in self.lengths.items():
            if action.operation not in REDUCTIONS:
                busy[self.graph.device(action)] += each_s
        busiest = max(busy, key=lambda device: busy[device])
        over = busy[busiest] * self.graph.devices / (sum(busy.values()) or 1.0)
        layers = {device.device: device.layers for device in self.record.devices}.get(busiest, "?")
        return f"device {busiest} ({layers}) has {over:.2f} times the mean work, and the others wait for it"

    def _fill(self) -> str:
        if self.slices == 1:
            return "with a single slice devices take turns"
        return (
            f"while the first of {self.slices} slices come and the last ones go, devices have nothing to do"
        )

    def _waiting(self) -> str:
        if self.factors[waterfall.WAITING] >= _NOTHING:
            return "no order of the actions would take less"
        return f"the order of {self.record.config.schedule} takes longer than the bound that no order can go below"

    def _slices(self) -> str:
        evened, sliced = even(self.graph, self.lengths), by_slice(self.graph, self.lengths)
        longest = max((sliced[a] / evened[a] for a in evened if evened[a]), default=1.0)
        text = f"the longest slice takes {longest:.2f} times the mean one, on all stages together"
        pipeline = self.record.pipeline
        if pipeline is None or pipeline.longest_slice is not None:
            return text
        model = self.record.config.model
        if self.graph.chunks_each > 1 and past_grows(model.name if model is not None else DEFAULT_MODEL):
            times = f"{self._last_chunk(sliced):.2f} times"
            return f"{text}; the last chunk of time takes {times} the first, since more came before it"
        return f"{text}; all are equally long, so that is the machine's doing"

    def _last_chunk(self, lengths: Mapping[Action, float]) -> float:
        """How many times as long as the first chunk of time the last one takes; a cell of both tells nothing of it."""
        ends = 0, self.graph.chunks - 1
        took_s = dict.fromkeys(ends, 0.0)
        for action, each_s in lengths.items():
            slices = on_each_slice(self.graph, action)
            found = [each.chunk for each in slices if each.chunk in ends]
            if len(set(found)) == 1:
                took_s[found[0]] += each_s * len(found) / len(slices)
        return took_s[ends[1]] / took_s[0] if took_s[0] else 1.0

    def _transfers(self) -> str:
        messages = self.step.replay.messages
        if not messages:
            return "no message crosses from device to device"
        usual_s = seconds_text(fmean(messages.values()))
        free = self.factors[waterfall.TRANSFERS] >= _NOTHING
        waited = "waiting for them costs next to nothing" if free else "some are waited for"
        text = f"{len(messages)} messages are on the way for {usual_s} on average, and {waited}"
        overheads = self.step.replay.overheads
        if overheads:
            text += f"; each costs both of its ends {seconds_text(fmean(overheads.values()))} of their time"
        return text

    def _variation(self) -> str:
        sliced = by_slice(self.graph, self.lengths)
        own = [action for action in sliced if action.operation not in REDUCTIONS]
        off_s = sum(abs(self.lengths[action] - sliced[action]) for action in own)
        share = 100 * off_s / (sum(sliced[action] for action in own) or 1.0)
        return f"actions are {share:.1f} % longer or shorter than their stage and their slice explain, on average"

    def _host(self) -> str:
        replay, devices = self.step.replay, self.graph.devices
        reductions_s = sum(s for a, s in self.lengths.items() if a.operation in REDUCTIONS)
        what = "zeroing, norm and update" if self.graph.clips else "zeroing and update"
        text = f"{what} take {seconds_text((replay.around_s + reductions_s) / devices)} of each device on average"
        if replay.gaps:
            text += f"; the host is late by {seconds_text(sum(replay.gaps.values()) / devices)} of each"
        return text

    def _unexplained(self) -> str:
        launches = counted(len(self.record.launches), "launch", "launches")
        factor = self.factors[waterfall.UNEXPLAINED]
        text = f"the recorded step takes {factor:.3f} times what the steps of all {launches} take"
        if not USUAL[0] <= factor <= USUAL[1]:
            text += ": it does not stand for them"
        return text


def seconds_text(value: float) -> str:
    """Such as ``1.23 s``, ``45.6 ms``, ``7.8 us``."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"
