"""The baseline of a model that no device can hold: the naive schedule on the fewest devices that it fits on.

One device works at a time, on the whole batch. Without messages that is what a single device with enough memory
would take, so a speed-up relative to it is read as the speed-up relative to one device is.
"""

from collections.abc import Callable, Sequence

from pipebench.engine.emulator import EmulatedPipeline
from pipebench.launching import messages
from pipebench.measuring.computed import Computed, take_gradients
from pipebench.models.layout import chain_layout, graph_of, shape_of
from pipebench.models.network import Gradients, Network
from pipebench.models.outline import BATCHES, Outline, batch_of, telling_flops
from pipebench.models.shards import Pieces
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.records.figures import Candidate
from pipebench.timing.links import Link

FORM = messages.Form("naive")
STEPS = 2  # of its race, in which it is alone


def naive_plan(outline: Outline, partition: Sequence[int]) -> Plan:
    """One slice, one stage a device."""
    return add_transfers(SCHEDULES[FORM.kind].plan(graph_of(shape_of(outline, partition), 1, 1)))


class EmulatedNaive:
    """On emulated devices: virtual makespans, as the pipeline's.

    ``link`` must be set before a step's seconds mean anything.
    """

    def __init__(self, job: messages.Job, network: Network) -> None:
        assert job.config.baseline_partition is not None
        self.job, self.network, self.link = job, network, Link()
        self.partition = job.config.baseline_partition
        self.batches = [network.batch(number, chunks=1) for number in range(BATCHES)]
        self.pipeline: EmulatedPipeline

    def touch_memory(self) -> None:
        """Its steps are the pipeline's kind, and meet the same heap."""

    def host_flops_per_s(self) -> float | None:
        """This host's speed on the model, where a card's on it is known: of all devices' work in a step."""
        flops = telling_flops(self.network.outline)
        if flops is None:
            return None
        self.choose(FORM)
        costs = [self.pipeline.step(self.batches[0]) for _ in range(STEPS)]
        return flops / min(sum(cost.actions.values()) for cost in costs)

    def race(self, report: Callable[[str], None]) -> messages.Raced:
        """There is no other form."""
        report(f"naive on {len(self.partition)} devices")
        self.choose(FORM)
        steps_s = [self.step(0) for _ in range(STEPS)]
        self.choose(FORM)
        return messages.Raced(
            form=FORM,
            candidates=[Candidate(kind=FORM.kind, microbatches=1, step_s=steps_s, rounds=len(steps_s))],
            host_flops_per_s=None,
            found=self.network.found,
        )

    def choose(self, form: messages.Form) -> None:
        """With fresh parameters."""
        assert form == FORM
        self.pipeline = EmulatedPipeline(
            naive_plan(self.network.outline, self.partition),
            self.network,
            chain_layout(self.partition),
            order=self.job.config.emulation_order,
        )

    def reference(self, pieces: Pieces) -> Computed:
        """What it computes on the first batch, from the first parameters.

        Args:
            pieces: in which the pipeline that it is held against has shared tensors.
        """
        start = self.pipeline.fingerprints(pieces)
        self.pipeline.step(self.batches[0], update=False)
        return Computed(start, self.pipeline.gradients(), self.pipeline.loss())

    def updated_by(self, gradients: Gradients) -> Gradients:
        """The parameters after an update with these gradients."""
        for part in self.pipeline.parts:
            take_gradients(part, gradients)
        self.pipeline.update()
        return self.pipeline.parameters()

    def step(self, number: int) -> float:
        """One training step on batch ``number``, in seconds of virtual time."""
        costs = self.pipeline.step(self.batches[batch_of(number)])
        self.pipeline.release()
        return self.pipeline.timeline(costs, self.link, self.batches[batch_of(number)].steps).makespan_s

    def loss(self) -> float:
        """Of the last step."""
        return self.pipeline.loss()

    def release(self) -> None:
        """Free the gradients."""
        self.pipeline.release()
