"""The baseline's side of a pair, in the process that has it."""

from collections.abc import Callable
from functools import partial
from math import nan
from typing import NamedTuple

import torch

from pipebench.models.fingerprints import hashes
from pipebench.models.network import Gradients, Network, parameters_of
from pipebench.models.outline import BATCHES, whole, whole_memory
from pipebench.records.schema import Verification
from pipebench.runtime import messages
from pipebench.runtime.baseline import Baseline, race
from pipebench.runtime.device import RankDevice
from pipebench.runtime.faults import VARIABLE, injected, wrong_tensor
from pipebench.runtime.verification import check_same_start, update_error, verify
from pipebench.tolerances import gradient_tolerance


class SingleDevice:
    """One device that trains the whole model."""

    def __init__(self, job: messages.Job, network: Network, device: RankDevice) -> None:
        self.job, self.network, self.device = job, network, device
        self.baseline: Baseline
        self.resident_bytes = 0

    def touch_memory(self) -> None:
        """Make sure of one free stretch of the heap that a whole-batch step fits in, with its pages in place.

        Called again after the warm-up: a first step leaves small blocks that live on (torch's and oneDNN's
        caches), now and then in the midst of the stretch, and then another one is needed. A GPU's memory has
        an allocator of its own.
        """
        if self.device.torch.type == "cpu":
            torch.empty(int(1.5 * whole_memory(self.network.outline).total), dtype=torch.uint8).fill_(1)

    def reference(self) -> "Computed":
        """What the form that will be timed computes on the first batch, from the first parameters."""
        start = hashes(self.baseline.model.kept())
        self.baseline.step(self.batches[0], update=False)
        return Computed(start, self.baseline.gradients(), self.baseline.loss())

    def updated_by(self, gradients: Gradients) -> Gradients:
        """The parameters after an update with these gradients."""
        for name, parameter in self.baseline.model.named():
            gradient = gradients.get(name)
            parameter.grad = None if gradient is None else gradient.to(parameter.device)
        self.baseline.optimizer.step()
        return parameters_of(self.baseline.model)

    def race(self, report: Callable[[str], None]) -> messages.Raced:
        """Find the strongest form and choose it; its speed is the host's, where its operations are known."""
        form, candidates = race(self.network, self.device, lambda form: report(form.text()))
        flops = self.network.outline.step_flops(whole(self.network.outline))
        best_s = min(min(candidate.step_s) for candidate in candidates)
        self.choose(form)
        return messages.Raced(
            form=form,
            candidates=candidates,
            host_flops_per_s=flops / best_s if flops is not None else None,
            found=self.network.found,
        )

    def choose(self, form: messages.Form) -> None:
        """Take a form, with fresh parameters."""
        before = self.device.allocated_bytes()
        self.baseline = Baseline(form, self.network, self.device.torch)
        self.batches = [self.baseline.batch(number) for number in range(BATCHES)]
        self.resident_bytes = self.device.allocated_bytes() - before

    def step(self, number: int) -> float:
        """One training step on batch ``number``, in seconds of this device's clock."""
        seconds = self.device.seconds(partial(self.baseline.step, self.batches[number % BATCHES]))
        self.baseline.release()
        return seconds


class Computed(NamedTuple):
    """What one side of a pair computed: from which parameters and buffers, its gradients and its loss."""

    start: dict[str, str]  # fingerprints by name
    gradients: Gradients
    loss: float


def judge(job: messages.Job, reference: Computed, found: Computed) -> Verification:
    """Hold what the pipeline computed against the reference."""
    check_same_start(reference.start, found.start)
    gradients = found.gradients
    lost = wrong_tensor()
    if lost is not None:
        assert lost in gradients, f"{VARIABLE}: there is no parameter {lost!r}"
        gradients = {**gradients, lost: None}
    if injected("mismatch"):
        gradients = {name: g * 1.001 if g is not None else None for name, g in gradients.items()}
    return verify(
        reference.gradients,
        gradients,
        expected_loss=reference.loss,
        loss=nan if injected("nan") else found.loss,
        tolerance=tolerance_of(job),
    )


def judge_update(job: messages.Job, single: SingleDevice, gradients: Gradients, found: Gradients) -> float:
    """Hold the pipeline's parameters after its update against the baseline's, which takes the same gradients."""
    return update_error(single.updated_by(gradients), found, tolerance=tolerance_of(job))


def tolerance_of(job: messages.Job) -> float:
    """How far the two may be apart."""
    return gradient_tolerance(job.config.dtype, job.config.device, job.config.outline.positions)
