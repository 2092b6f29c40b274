"""Emulated devices: all stages in one process on one real device, each with a virtual clock.

Every action really runs, one after another. Its exclusive duration (thread CPU time, its dispatch and
mailbox included) is the cost of that action; the simulator turns the costs and the link into the timeline
that the devices would have had side by side. Nothing falls between two actions: the durations of a step
sum to its thread CPU time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch

from pipebench.engine.executor import Call, Executor
from pipebench.engine.interleaving import cells_by_unit, interleave
from pipebench.engine.stages import stages_of
from pipebench.engine.transport import Mailbox
from pipebench.launching import faults
from pipebench.models.edges import Steps, bytes_of
from pipebench.models.fingerprints import hashes
from pipebench.models.layout import Layout, edges_of
from pipebench.models.network import (
    Gradients,
    Network,
    StepBatch,
    cut,
    gradients_of,
    joined,
    merged,
    parameters_of,
)
from pipebench.models.shards import Pieces
from pipebench.plan.actions import COMPUTE, SENDS, Action
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message, messages_of
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline


class Unit(NamedTuple):
    """A compute action with the receives of its inputs and the sends of its results, timed as one.

    ``first`` holds the calls that are for microbatch 0.
    """

    device: int
    action: Action
    calls: tuple[Callable[[], None], ...]
    first: tuple[Callable[[], None], ...]


class EmulatedPipeline:
    """A plan on emulated devices.

    Args:
        plan: the plan, with its transfers.
        network: the model.
        layout: which part of the model each stage has.
        device: the one real device; default: the CPU.
        cell: how backwards are computed: ``fused`` or ``split``.
        checkpoint: which microbatches keep only their input; see ``plan.checkpoints``.
        order: how the one real device orders the actions; see ``interleave``.
        clock: reads this thread's CPU seconds.
    """

    def __init__(
        self,
        plan: Plan,
        network: Network,
        layout: Layout,
        *,
        device: torch.device | None = None,
        cell: str = "fused",
        checkpoint: str = "none",
        order: str = "device",
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.plan, self.clock = plan, clock
        graph, mailbox = plan.graph, Mailbox(messages_of(plan.graph))
        self.edges = edges_of(network.outline, layout, graph.microbatches, graph.chunks_each)
        self.pieces = layout.pieces(network.outline)
        self.parts = [network.part(part, device) for part in layout.parts]
        stages = stages_of(
            dict(enumerate(self.parts)),
            layout,
            self.edges,
            graph,
            network=network,
            cell=cell,
            checkpoint=checkpoint,
            device=device,
        )
        self.executors = [
            Executor(
                graph,
                program,
                {stage: stages[stage] for stage in graph.stages_of(number)},
                mailbox,
                network.optimizer,
            )
            for number, program in enumerate(plan.programs)
        ]
        self.units = self._units(interleave(plan, order))
        self._durations = [0.0] * len(self.units)

    def step(self, batch: StepBatch, *, update: bool = True) -> MeasuredCosts:
        """Run one training step; the measured seconds of everything in it."""
        for executor in self.executors:
            executor.load(batch)
        clock, before, after = self.clock, {}, {}
        last = clock()
        for device, executor in enumerate(self.executors):
            executor.begin()
            now = clock()
            before[device], last = now - last, now
        for number, unit in enumerate(self.units):
            for run in unit.calls:
                run()
            now = clock()
            self._durations[number], last = now - last, now
        for device, executor in enumerate(self.executors):
            executor.finish()
            if update:
                executor.update()
                now = clock()
                after[device], last = now - last, now
        actions = {unit.action: seconds for unit, seconds in zip(self.units, self._durations, strict=True)}
        return MeasuredCosts(actions, before, after)

    def prime(self, batch: StepBatch) -> None:
        """Run microbatch 0 through all stages, so that what a first call creates and keeps exists before steps.

        If an action runs several microbatches, all of them run.
        """
        if any(unit.action.microbatches > 1 for unit in self.units):
            self.step(batch, update=False)
        else:
            self._prime(batch)
        self.release()

    def _prime(self, batch: StepBatch) -> None:
        for executor in self.executors:
            executor.load(batch)
            executor.begin()
        for unit in self.units:
            for run in unit.first:
                run()
        for executor in self.executors:
            executor.finish()

    def update(self) -> None:
        """Do the update that ``step`` left out with ``update=False``."""
        for executor in self.executors:
            executor.update()

    def release(self) -> None:
        """Free the gradients between steps, so that every step meets the same heap."""
        for executor in self.executors:
            executor.zero_grad()

    def timeline(self, costs: MeasuredCosts, link: Link, steps: Steps | None = None) -> Timeline:
        """The step in virtual time; ``steps`` are its slices' time steps, if slices differ in length."""
        return simulate(self.plan, costs, link, message_bytes=partial(self.message_bytes, steps=steps))

    def message_bytes(self, message: Message, steps: Steps | None = None) -> int:
        """The size of a message in bytes; ``steps`` as in ``timeline``."""
        return bytes_of(self.edges, message, steps)

    def loss(self) -> float:
        """The last step's loss, as the mean over all items that count."""
        return sum(executor.loss() for executor in self.executors)

    def gradients(self) -> Gradients:
        """All trained parameters' gradients by name."""
        return joined(merged(map(gradients_of, self.parts)), self.pieces)

    def parameters(self) -> Gradients:
        """All parameters' values by name."""
        return joined(merged(map(parameters_of, self.parts)), self.pieces)

    def fingerprints(self, pieces: Pieces) -> dict[str, str]:
        """Hashes of all parameters and buffers by name; tensors in ``pieces`` are hashed piece by piece."""
        return merged(hashes(cut(part.kept(), pieces)) for part in self.parts)

    def _units(self, order: Sequence[tuple[int, Action]]) -> tuple[Unit, ...]:
        """Each compute action with its receives and sends, in the order in which they run."""
        of = cells_by_unit(self.plan)
        calls: dict[Action, list[Call]] = {action: [] for _, action in order}
        for executor in self.executors:
            for call in executor.calls:
                calls[_beside(call.action, executor, of)].append(call)
        slow = faults.slow_stage()
        return tuple(
            unit if action.stage != slow else unit._replace(calls=faults.slowed(unit.calls, self.clock))
            for unit, action in ((_unit(device, action, calls[action]), action) for device, action in order)
        )


def _beside(action: Action, executor: Executor, of: Mapping[Action, Action]) -> Action:
    """The compute action that a call runs with: a receive with its consumer, a send with its producer."""
    if action.operation in COMPUTE:
        return action
    message = executor.message_of(action)
    return of[message.producer if action.operation in SENDS else message.consumer]


def _unit(device: int, action: Action, calls: Sequence[Call]) -> Unit:
    first = tuple(call.run for call in calls if action.microbatch == 0)
    return Unit(device, action, tuple(call.run for call in calls), first)
