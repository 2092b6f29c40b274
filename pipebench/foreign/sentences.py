"""What each step of a recorded run's waterfall stands for, with its own figures, and what may help. Pure."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from pipebench.diagnosis import single_changes, waterfall
from pipebench.diagnosis.remedies import Remedy
from pipebench.diagnosis.sentences import seconds_text
from pipebench.foreign.understanding import Understood
from pipebench.timing.replay import Replay

_NOTHING = 0.9995
_SEEN_S = 1e-9
_SMALL = 0.995  # a factor above this is too small a loss to act on


class Sentences:
    """The sentences on one recorded run.

    Args:
        understood: the run.
        clocked: its steps with messages and gaps.
        recorded: its steps as order and lengths alone, and what was tried on them.
        factors: those of its waterfall, by the waterfall's steps.
    """

    def __init__(
        self,
        understood: Understood,
        clocked: Sequence[Replay],
        recorded: single_changes.Recorded,
        factors: Mapping[str, float],
    ) -> None:
        self.graph, self.clocked, self.recorded, self.factors = understood.graph, clocked, recorded, factors
        self._of: Mapping[str, Callable[[], str]] = {
            waterfall.DEVICES: self._devices,
            waterfall.FILL: self._fill,
            waterfall.WAITING: self._waiting,
            waterfall.STAGES: self._stages,
            waterfall.SLICES: self._slices,
            waterfall.TRANSFERS: self._transfers,
            waterfall.VARIATION: self._variation,
            waterfall.GAPS: self._gaps,
            waterfall.UNEXPLAINED: self._unexplained,
        }

    def of(self, step: str) -> str:
        """What a step of the waterfall says of this run."""
        return self._of[step]()

    def remedy(self, step: str) -> Remedy | None:
        """What may help, with its simulated gain if that is known; ``None`` where nothing is lost or nothing helps."""
        if self.factors[step] >= _SMALL:
            return None
        if step == waterfall.STAGES:
            return self._if_equal(
                "stages = mean",
                "move layers from the busiest device to others",
                "if all stages take equally long",
            )
        if step == waterfall.SLICES:
            return self._if_equal("microbatches = mean", "make microbatches that take equally long", "then")
        if step == waterfall.FILL:
            return Remedy(
                "more microbatches a step, or a schedule with more stages a device or a backward in halves"
            )
        return None

    def _if_equal(self, change: str, what: str, when: str) -> Remedy:
        """A change that keeps all work and shares it out evenly."""
        (found,) = single_changes.asked(self.recorded, [change])
        return Remedy(f"{what}; by simulation {found.gain or 1.0:.2f}x as fast {when} ({change})", found.gain)

    def _devices(self) -> str:
        return f"all {self.graph.devices} would be busy all of the time if nothing were lost"

    def _fill(self) -> str:
        if self.graph.microbatches == 1:
            return "with a single microbatch devices take turns"
        return (
            f"while the first of {self.graph.microbatches} microbatches come and the last ones go, devices have "
            "nothing to do"
        )

    def _waiting(self) -> str:
        if self.factors[waterfall.WAITING] >= _NOTHING:
            return "no order of the operations would take less"
        return "the recorded order takes longer than the bound that no order can go below"

    def _stages(self) -> str:
        busy: dict[int, float] = defaultdict(float)
        for replay in self.clocked:
            for action, each_s in replay.lengths.items():
                busy[self.graph.device(action)] += each_s
        busiest = max(busy, key=lambda device: busy[device])
        over = busy[busiest] * self.graph.devices / (sum(busy.values()) or 1.0)
        own = ", ".join(map(str, self.graph.stages_of(busiest)))
        return (
            f"device {busiest} (stage {own}) has {over:.2f} times the mean work, and the others wait for it"
        )

    def _slices(self) -> str:
        longest = []
        for replay in self.clocked:
            evened, sliced = replay.evened, replay.sliced
            longest.append(max((sliced[a] / evened[a] for a in evened if evened[a]), default=1.0))
        return (
            f"the longest microbatch of a step takes {fmean(longest):.2f} times the mean one, on all stages together "
            "(the mean over steps)"
        )

    def _transfers(self) -> str:
        lengths_s = [each_s for replay in self.clocked for each_s in replay.messages.values()]
        if not lengths_s:
            return "no result goes from device to device"
        count, usual_s = len(lengths_s) // len(self.clocked), fmean(lengths_s)
        if usual_s < _SEEN_S:
            return f"{count} results a step go from device to device, and take no time that can be seen"
        waited = "waiting for them costs next to nothing" if self._free else "devices wait for some of them"
        return (
            f"{count} results a step are on their way for {seconds_text(usual_s)} on average, from when they are ready "
            f"until they are used, and {waited}"
        )

    @property
    def _free(self) -> bool:
        """Whether messages that took no time would not make the step shorter."""
        return self.factors[waterfall.TRANSFERS] >= _NOTHING

    def _variation(self) -> str:
        off_s = whole_s = 0.0
        for replay in self.clocked:
            off_s += sum(abs(replay.lengths[action] - each_s) for action, each_s in replay.sliced.items())
            whole_s += sum(replay.sliced.values())
        return (
            f"operations are {100 * off_s / (whole_s or 1.0):.1f} % longer or shorter than their stage and their "
            "microbatch explain, on average"
        )

    def _gaps(self) -> str:
        late_s = sum(sum(replay.gaps.values()) for replay in self.clocked) / len(self.clocked)
        return (
            f"devices could go on but do not for {seconds_text(late_s / self.graph.devices)} a step, on average: the "
            "host is late, or something else runs between forwards and backwards"
        )

    def _unexplained(self) -> str:
        return f"run again with all that, steps take {self.factors[waterfall.UNEXPLAINED]:.4f} times what was recorded"
