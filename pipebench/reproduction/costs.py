"""What work takes on a card, and the one figure that is fitted: the efficiency that gives one GPU the paper's words/s.

A task takes max(operations / (efficiency x peak), bytes / the memory's speed) + kernels x what a launch costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipebench.errors import UsageError
from pipebench.plan.actions import Action
from pipebench.reproduction.assumptions import Assumptions, Slicing
from pipebench.reproduction.claims import PAPER_ONE_GPU
from pipebench.reproduction.work import StepWork, Task, step_work


def fitted_efficiency(assumed: Assumptions) -> float:
    """The share of the card's peak with which one GPU has the paper's words/s at the paper's batch.

    Raises:
        UsageError: The card's peak is not enough.
    """
    work = step_work(assumed.lengths, Slicing())
    tasks, target_s = work.single(all_rows=assumed.all_rows), work.words / PAPER_ONE_GPU

    def step_s(longer: float) -> float:
        return _sum_s(tasks, assumed, 1 / longer)

    if step_s(1.0) > target_s:
        raise UsageError(
            f"one GPU would not have {PAPER_ONE_GPU:,.0f} words/s at its peak: expected cheaper launches, fewer "
            "kernels or a faster card"
        )
    low = high = 1.0  # how many times longer than at its peak operations take
    while step_s(high) < target_s:
        high *= 2
    while low < (middle := (low + high) / 2) < high:  # until no number lies between them
        if step_s(middle) < target_s:
            low = middle
        else:
            high = middle
    return 1 / high


def single_s(work: StepWork, assumed: Assumptions, efficiency: float) -> float:
    """Seconds of a step on one GPU, word by word."""
    return _sum_s(work.single(all_rows=assumed.all_rows), assumed, efficiency)


def _sum_s(tasks: Mapping[Task, int], assumed: Assumptions, efficiency: float) -> float:
    return sum(count * task_s(task, assumed, efficiency) for task, count in tasks.items())


def task_s(task: Task, assumed: Assumptions, efficiency: float) -> float:
    """Seconds that a task takes."""
    card = assumed.machine.card
    speed = card.flops_per_s * efficiency * (assumed.softmax if task.softmax else 1.0)
    memory_s = task.bytes / card.bytes_per_s if assumed.memory or not task.flops else 0.0
    return max(task.flops / speed, memory_s) + task.kernels * assumed.kernels * assumed.launch_s


@dataclass(frozen=True)
class PaperCosts:
    """Costs of the pipeline's step, for the simulator."""

    work: StepWork
    assumed: Assumptions
    efficiency: float

    def action_s(self, action: Action) -> float:
        """Seconds of the action's task, and of its messages where no copy engine carries them."""
        copied_s = 0.0
        if self.assumed.copied_by_devices:
            copied_s = sum(map(self.assumed.link.transfer_s, self.work.handled_bytes.get(action, ())))
        return self._s(self.work.tasks[action]) + copied_s

    def gap_s(self, action: Action) -> float:  # noqa: ARG002 - the protocol's signature
        """No gap: 0 seconds."""
        return 0.0

    def before_s(self, device: int) -> float:
        """Seconds of zeroing the gradients."""
        return self._s(self.work.zeroing(device))

    def after_s(self, device: int) -> float:
        """Seconds of the update."""
        return self._s(self.work.update(device, all_rows=self.assumed.all_rows))

    def _s(self, task: Task) -> float:
        return task_s(task, self.assumed, self.efficiency * self.assumed.pipelined)
