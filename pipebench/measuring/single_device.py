"""The baseline of a pair on a single device, in the process that has it."""

from collections.abc import Callable
from functools import partial
from math import inf

import torch

from pipebench.config.budget import ROOM
from pipebench.engine.device import RankDevice
from pipebench.launching import messages
from pipebench.measuring.baseline import Baseline
from pipebench.measuring.computed import Computed, take_gradients
from pipebench.measuring.race import race
from pipebench.models.fingerprints import hashes
from pipebench.models.network import Gradients, Network, cut, parameters_of
from pipebench.models.outline import BATCHES, batch_of, telling_flops, whole_memory
from pipebench.models.shards import Pieces


class SingleDevice:
    """One device that trains the whole model."""

    def __init__(self, job: messages.Job, network: Network, device: RankDevice) -> None:
        self.job, self.network, self.device = job, network, device
        self.baseline: Baseline
        self.resident_bytes = 0

    def touch_memory(self) -> None:
        """Make sure that a free stretch of the heap, with its pages in place, has room for a whole-batch step.

        It is called again after the warm-up. A first step leaves small blocks that stay (torch's and oneDNN's caches).
        If one of them lies in the middle of the stretch, another stretch is needed. A GPU's memory has an allocator of
        its own.
        """
        if not self.device.has_own_memory:
            room = min(whole_memory(self.network.outline).total, self.job.config.single_limit or inf)
            torch.empty(int(ROOM * room), dtype=torch.uint8).fill_(1)

    def reference(self, pieces: Pieces) -> Computed:
        """What the form that will be timed computes on the first batch, from the first parameters.

        Args:
            pieces: the pieces of shared tensors in the pipeline that is verified.
        """
        start = hashes(cut(self.baseline.model.kept(), pieces))
        self.baseline.step(self.batches[0], update=False)
        return Computed(start, self.baseline.gradients(), self.baseline.loss())

    def updated_by(self, gradients: Gradients | None) -> Gradients:
        """The parameters after an update with the pipeline's gradients."""
        assert gradients is not None, "this process has gathered them"
        take_gradients(self.baseline.model, gradients)
        self.baseline.optimizer.step()
        return parameters_of(self.baseline.model)

    def race(self, report: Callable[[str], None]) -> messages.Raced:
        """Find the strongest form and choose it; its speed is the host's, if a card's speed on the model is known."""
        raced = race(
            self.network,
            self.device,
            lambda form: report(form.text()),
            memory_bytes=self.job.config.single_limit,
        )
        flops = telling_flops(self.network.outline)
        best_s = min(min(candidate.step_s) for candidate in raced.candidates)
        self.choose(raced.best)
        return messages.Raced(
            form=raced.best,
            candidates=raced.candidates,
            too_big=[form.text() for form in raced.too_big],
            host_flops_per_s=flops / best_s if flops is not None else None,
            found=self.network.found,
        )

    def choose(self, form: messages.Form) -> None:
        """Make the baseline of this form, with fresh parameters."""
        before = self.device.allocated_bytes()
        self.baseline = Baseline(form, self.network, self.device.torch)
        self.batches = [self.baseline.batch(number) for number in range(BATCHES)]
        self.resident_bytes = self.device.allocated_bytes() - before

    def step(self, number: int) -> float:
        """Run one training step on batch ``number``; its seconds by this device's clock."""
        seconds = self.device.seconds(partial(self.baseline.step, self.batches[batch_of(number)]))
        self.baseline.release()
        return seconds

    def loss(self) -> float:
        """The loss of the last step."""
        return self.baseline.loss()

    def release(self) -> None:
        """Free the gradients."""
        self.baseline.release()
