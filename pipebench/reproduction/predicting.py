"""What a machine of 2014 would do, simulated: the paper's layout, wavefront and messages. Pure."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from pipebench.reproduction.assumptions import Assumptions
from pipebench.reproduction.costs import PaperCosts, fitted_efficiency, single_s
from pipebench.reproduction.work import StepWork, step_work
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline


@dataclass(frozen=True)
class Prediction:
    """One GPU against eight, with the efficiency that one GPU's words/s in the paper give."""

    assumed: Assumptions
    efficiency: float
    timeline: Timeline

    @property
    def work(self) -> StepWork:
        """The work of a step."""
        return step_work(self.assumed.lengths, self.assumed.slicing)

    @cached_property
    def one_gpu_words_per_s(self) -> float:
        """Words/s of one GPU at this batch; at the paper's batch it is the paper's figure."""
        return self.work.words / single_s(self.work, self.assumed, self.efficiency)

    @property
    def words_per_s(self) -> float:
        """Words/s of eight GPUs."""
        return self.work.words / self.timeline.makespan_s

    @property
    def ratio(self) -> float:
        """How many times as fast eight GPUs are as one."""
        return self.words_per_s / self.one_gpu_words_per_s


@lru_cache(maxsize=64)
def predicted(assumed: Assumptions, *, free_messages: bool = False) -> Prediction:
    """Fit the efficiency to one GPU, and simulate eight."""
    work = step_work(assumed.lengths, assumed.slicing)
    efficiency = fitted_efficiency(assumed)
    timeline = simulate(
        work.plan,
        PaperCosts(work, assumed, efficiency),
        Link() if free_messages or assumed.copied_by_devices else assumed.link,
        message_bytes=work.message_bytes.__getitem__,
    )
    return Prediction(assumed, efficiency, timeline)
