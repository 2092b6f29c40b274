"""The naive schedule on real ranks, as the baseline: the first ranks run it, and the others wait."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
import torch.distributed as dist

from pipebench.config.fitting import by_memory
from pipebench.engine.device import RankDevice
from pipebench.engine.gathering import spread
from pipebench.engine.ranks import RankedPipeline
from pipebench.engine.stage import Payload
from pipebench.engine.stages import stages_of
from pipebench.errors import EnvironmentRefusedError
from pipebench.launching import messages
from pipebench.measuring.computed import Computed, take_gradients
from pipebench.measuring.naive import FORM, STEPS, naive_plan
from pipebench.models.edges import TensorSpec, tensors_of
from pipebench.models.layout import Layout, chain_layout, edges_of, graph_of, shape_of
from pipebench.models.network import Gradients, Network
from pipebench.models.outline import BATCHES, batch_of
from pipebench.models.shards import Pieces
from pipebench.plan.actions import Action, Operation
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import results_for
from pipebench.records.figures import Candidate


def everywhere(here: bool) -> bool:
    """Whether something holds on all ranks. Collective."""
    holds = torch.tensor(int(here))
    dist.all_reduce(holds, dist.ReduceOp.MIN)
    return bool(holds)


def fewest_devices(network: Network, device: RankDevice, rank: int, ranks: int) -> tuple[int, ...]:
    """The partition for the fewest devices on which the naive schedule fits. Collective.

    Each rank tries its own part by itself, with zeros as messages. So no rank waits for one whose part does not fit.

    Raises:
        EnvironmentRefusedError: It does not fit even on all devices.
    """
    for devices in range(2, ranks + 1):
        partition = by_memory(network.outline, devices)
        if everywhere(rank >= devices or _fits(network, device, partition, rank)):
            return partition
    raise EnvironmentRefusedError(
        f"nothing to compare with: no GPU can hold the model, nor can {ranks} GPUs with the whole batch at once "
        "(both were tried); use a smaller --batch, or more devices"
    )


def _fits(network: Network, device: RankDevice, partition: Sequence[int], rank: int) -> bool:
    try:
        _try(network, device, partition, rank)
    except torch.OutOfMemoryError:
        fits = False
    else:
        fits = True
    device.give_back()
    return fits


def _try(network: Network, device: RankDevice, partition: Sequence[int], rank: int) -> None:
    """Run one step of a rank's part on the whole batch, with zeros as messages."""
    layout = chain_layout(partition)
    edges = edges_of(network.outline, layout, 1, 1)
    part = network.part(layout.parts[rank], device.torch)
    graph = graph_of(shape_of(network.outline, partition), 1, 1)
    stages = stages_of({rank: part}, layout, edges, graph, network=network, device=device.torch)
    stage, batch, chunks = (
        stages[rank],
        network.batch(0, chunks=1, device=device.torch),
        graph.chunks_of(rank),
    )

    def zeros(operation: Operation, chunk: int) -> list[Payload]:
        messages = results_for(graph, Action(operation, rank, 0, chunk))
        return [_zeros(tensors_of(edges, message, batch.steps), device) for message in messages]

    stage.load(batch)
    for chunk in chunks:
        stage.forward(0, chunk, zeros(Operation.FORWARD, chunk))
    for chunk in reversed(chunks):
        stage.backward(0, chunk, zeros(Operation.BACKWARD, chunk))
    trained = [parameter for parameter in part.parameters() if parameter.requires_grad]
    if trained:
        network.optimizer(trained).step()


def _zeros(specs: Sequence[TensorSpec], device: RankDevice) -> Payload:
    return tuple(
        torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype), device=device.torch) for spec in specs
    )


class MakesPipelines(Protocol):
    """Makes the pipeline that is this rank's share of a plan."""

    def __call__(self, plan: Plan, layout: Layout) -> RankedPipeline:
        """Make it, with fresh parameters."""


class RankedNaive:
    """This rank's share of the baseline. Methods are collective; rank 0 gets results, other ranks ``None`` or 0."""

    def __init__(self, job: messages.Job, network: Network, make: MakesPipelines, device: RankDevice) -> None:
        assert job.config.baseline_partition is not None
        self.job, self.network, self.make = job, network, make
        self.partition = job.config.baseline_partition
        self.batches = [network.batch(number, chunks=1, device=device.torch) for number in range(BATCHES)]
        self.choose(FORM)

    def choose(self, form: messages.Form) -> None:
        """Make the pipeline anew, with fresh parameters."""
        assert form == FORM
        self.pipeline = self.make(
            naive_plan(self.network.outline, self.partition), chain_layout(self.partition)
        )

    def race(self, report: Callable[[str], None]) -> messages.Raced | None:
        """Race the naive schedule alone, since there is no other form."""
        report(f"naive on {len(self.partition)} devices")
        self.pipeline.step(self.batches[0], update=False, checked=True)
        self.pipeline.release()
        steps_s = [self.step(0) for _ in range(STEPS)]
        self.choose(FORM)
        if not all(steps_s):
            return None
        return messages.Raced(
            form=FORM,
            candidates=[Candidate(kind=FORM.kind, microbatches=1, step_s=steps_s, rounds=len(steps_s))],
            host_flops_per_s=None,
            found=self.network.found,
        )

    def reference(self, pieces: Pieces) -> Computed | None:
        """What the baseline computes on the first batch, from the first parameters.

        Args:
            pieces: the pieces of shared tensors in the pipeline that is verified.
        """
        start = self.pipeline.fingerprints(pieces)
        self.pipeline.step(self.batches[0], update=False, checked=True)
        gradients, loss = self.pipeline.gradients(), self.pipeline.loss()
        return None if start is None or gradients is None else Computed(start, gradients, loss)

    def updated_by(self, gradients: Gradients | None) -> Gradients | None:
        """The parameters after an update with the pipeline's gradients; rank 0 has these, and sends them to all."""
        wanted = {name for part in self.pipeline.parts.values() for name, _ in part.named()}
        shared = spread(gradients, wanted)
        for part in self.pipeline.parts.values():
            take_gradients(part, shared)
        self.pipeline.update()
        return self.pipeline.parameters()

    def step(self, number: int) -> float:
        """Run one training step on batch ``number``; its seconds by the wall clock."""
        timeline = self.pipeline.timeline(self.pipeline.step(self.batches[batch_of(number)]))
        self.pipeline.release()
        return 0.0 if timeline is None else timeline.makespan_s

    def loss(self) -> float:
        """The loss of the last step, on every rank."""
        return self.pipeline.loss()

    def release(self) -> None:
        """Free the gradients."""
        self.pipeline.release()
