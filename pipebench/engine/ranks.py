"""A pipeline of real ranks: one process for each device, real messages, the wall clock.

Every rank runs the same script, and most methods are collective. A rank marks the time around each compute action, on
a GPU by events. After the step rank 0 gathers the readings (numbers of known size, nothing pickled) and makes the
timeline. The ranks of one machine share its monotonic clock. Times of other machines are converted to rank 0's clock.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

from pipebench.engine.clocks import Clocks, OneClock
from pipebench.engine.device import RankDevice
from pipebench.engine.executor import Executor
from pipebench.engine.gathering import gathered, gathered_texts
from pipebench.engine.stages import stages_of
from pipebench.engine.transport import Transport
from pipebench.launching import faults
from pipebench.launching.heartbeat import COMPUTING, IDLE, WAITING, Heartbeats
from pipebench.models.edges import Edges, Steps, bytes_of
from pipebench.models.fingerprints import hashes
from pipebench.models.layout import Layout
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
from pipebench.plan.actions import COMPUTE, RECEIVES, Action
from pipebench.plan.cells import units_of
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message, messages_of
from pipebench.timing.timeline import OtherWork, Span, Timeline, Transfer

_STARTED, _ZEROED, _ENDED, _UPDATED = range(4)
_BOUNDS = 4
REST_S = 0.01  # time in which gloo's input thread comes to rest


class Readings(NamedTuple):
    """One rank's times of a step, in seconds of the machine's monotonic clock, and what the step took.

    ``started``, ``zeroed``, ``ended`` and ``updated`` are the bounds of the step and of its parts. ``cpu_s`` is the
    CPU time of this process in the step, gloo's threads included. ``peak_bytes`` is 0 if memory is not counted.
    ``actions`` has the start and the end of each compute action: [compute actions, 2].
    """

    started: float
    zeroed: float
    ended: float
    updated: float
    cpu_s: float
    peak_bytes: float
    actions: Tensor

    @property
    def busy_s(self) -> float:
        """Seconds in which this rank worked, by the clock, without its waits."""
        actions_s = float((self.actions[:, 1] - self.actions[:, 0]).sum())
        return actions_s + self.zeroed - self.started + self.updated - self.ended


class StepTransport(Transport, Protocol):
    """A transport that is told when a step begins and when it is over."""

    def begin_step(self, *, checked: bool, steps: Steps | None = None) -> None:
        """Post the step's receives; in a checked step headers travel too. ``steps`` are those of ``StepBatch``."""

    def end_step(self) -> None:
        """Wait until everything sent has arrived."""


class RankedPipeline:
    """This rank's share of a plan on real ranks; its methods are collective unless they say otherwise.

    Args:
        plan: the plan, with its transfers.
        network: the model.
        layout: which part of the model each stage has.
        edges: what the stages give each other.
        rank: the rank of this process; its device has the same number.
        device: where this rank computes.
        transport: this rank's end of the plan's messages.
        cell: how backwards are computed: ``fused`` or ``split``.
        checkpoint: which microbatches keep only their input; see ``plan.checkpoints``.
        heartbeats: where every rank writes what it does.
        numbered: whether heartbeats name the action by its number; false for a plan that is not the run's own.
        clocks: converts this rank's clock to the common one; by default all ranks have one clock.
    """

    def __init__(
        self,
        plan: Plan,
        network: Network,
        layout: Layout,
        edges: Edges,
        *,
        rank: int,
        device: RankDevice,
        transport: StepTransport,
        cell: str = "fused",
        checkpoint: str = "none",
        heartbeats: Heartbeats,
        numbered: bool = True,
        clocks: Clocks | None = None,
    ) -> None:
        self.clocks = clocks or OneClock()
        self.plan, self.edges, self.rank, self.heartbeats = plan, edges, rank, heartbeats
        self.device, self.transport = device, transport
        graph = plan.graph
        takes_part, program = rank < graph.devices, plan.program(rank)
        self.pieces = layout.pieces(network.outline)
        self.parts = {
            stage: network.part(layout.parts[stage], device.torch) for stage in graph.stages_of(rank)
        }
        stages = stages_of(
            self.parts,
            layout,
            edges,
            graph,
            network=network,
            cell=cell,
            checkpoint=checkpoint,
            device=device.torch,
        )
        self.executor = Executor(graph, program, stages, transport, network.optimizer)
        self._calls = [
            (action, faults.in_action(run, graph.text(action), rank) if numbered else run)
            for action, run in self.executor.calls
        ]
        steps = range(len(self._calls) + 1)  # and what comes after the last one
        self._numbers = [*steps] if numbered else [-1 for _ in steps]
        counts = [sum(action.operation in COMPUTE for action in each) for each in plan.programs]
        self._marks = device.marks(_BOUNDS + 2 * (counts[rank] if takes_part else 0))
        self._row = _BOUNDS + 2 * max(counts)

    def update(self) -> None:
        """Do the update that ``step`` left out with ``update=False``. Not collective."""
        self.executor.update()

    def release(self) -> None:
        """Free this rank's gradients. Not collective."""
        self.executor.zero_grad()

    def step(self, batch: StepBatch, *, update: bool = True, checked: bool = False) -> Readings:
        """Run one training step on all ranks; this rank's readings."""
        mark, beat, rank = self._marks.mark, self.heartbeats.beat, self.rank
        self.executor.load(batch)
        self.device.start_peak()
        beat(rank, WAITING)
        self.clocks.refresh()
        start_s = self._agree_on_a_start()
        self.transport.begin_step(checked=checked, steps=batch.steps)
        time.sleep(max(start_s - time.perf_counter(), 0.0))
        cpu_s = time.process_time()
        mark(_STARTED)
        self.executor.begin()
        mark(_ZEROED)
        position = _BOUNDS
        for number, (action, run) in zip(self._numbers, self._calls, strict=False):
            if action.operation in COMPUTE:
                beat(rank, COMPUTING, number)
                mark(position)
                run()
                mark(position + 1)
                position += 2
            else:
                beat(rank, WAITING if action.operation in RECEIVES else COMPUTING, number)
                run()
        beat(rank, WAITING, self._numbers[-1])
        mark(_ENDED)
        self.executor.finish()
        if update:
            self.executor.update()
        mark(_UPDATED)
        cpu_s = time.process_time() - cpu_s
        self.transport.end_step()
        times = self._marks.read_s()
        beat(rank, IDLE)
        actions = torch.tensor(times[_BOUNDS:], dtype=torch.float64).view(-1, 2)
        started, zeroed, ended, updated = times[:_BOUNDS]
        return Readings(started, zeroed, ended, updated, cpu_s, self.device.peak_bytes() or 0, actions)

    def _agree_on_a_start(self) -> float:
        """Meet, and agree on the time at which the step starts; that time, by this rank's clock.

        No receive is posted before all ranks have met: a waiting receive is a running kernel, on a GPU where the
        baseline may still be timed. The end of the meeting itself cannot be the start: gloo's input thread may spin
        for some milliseconds on a connection in use, and holds the core. Between hosts, word of the start and of
        posted receives takes time too.
        """
        start = torch.tensor(
            self.clocks.common(time.perf_counter()) + REST_S + self.clocks.apart_s, dtype=torch.float64
        )
        dist.all_reduce(start, dist.ReduceOp.MAX)
        return self.clocks.own(float(start))

    def timeline(self, readings: Readings) -> Timeline | None:
        """The step as rank 0 sees it from all ranks' readings; ``None`` on the others."""
        row = torch.zeros(self._row, dtype=torch.float64)
        times = [*readings[:_BOUNDS], *readings.actions.flatten().tolist()]
        row[: len(times)] = torch.tensor([self.clocks.common(each) for each in times], dtype=torch.float64)
        rows = [torch.empty_like(row) for _ in range(dist.get_world_size())] if self.rank == 0 else None
        with self._meeting():
            dist.gather(row, rows)
        return None if rows is None else _timeline(self.plan, [each.tolist() for each in rows])

    def gathered(self, own: float) -> list[float] | None:
        """One number from each rank on rank 0, ``None`` on the others."""
        mine = torch.tensor(own, dtype=torch.float64)
        found = [torch.empty_like(mine) for _ in range(dist.get_world_size())] if self.rank == 0 else None
        with self._meeting():
            dist.gather(mine, found)
        return None if found is None else [float(value) for value in found]

    def gradients(self) -> Gradients | None:
        """All ranks' gradients by name on rank 0, ``None`` on the others."""
        with self._meeting():
            found = gathered(merged(map(gradients_of, self.parts.values())))
        return None if found is None else joined(found, self.pieces)

    def parameters(self) -> Gradients | None:
        """All ranks' parameters by name on rank 0, ``None`` on the others."""
        with self._meeting():
            found = gathered(merged(map(parameters_of, self.parts.values())))
        return None if found is None else joined(found, self.pieces)

    def fingerprints(self, pieces: Pieces) -> dict[str, str] | None:
        """Hashes of all ranks' parameters and buffers by name on rank 0, ``None`` on the others.

        Tensors in ``pieces`` are hashed piece by piece.
        """
        with self._meeting():
            return gathered_texts(merged(hashes(cut(part.kept(), pieces)) for part in self.parts.values()))

    @contextmanager
    def _meeting(self) -> Iterator[None]:
        """Say that this rank waits for others outside a step."""
        self.heartbeats.beat(self.rank, WAITING)
        yield
        self.heartbeats.beat(self.rank, IDLE)

    def loss(self) -> float:
        """The last step's loss, on every rank."""
        loss = torch.tensor(self.executor.loss(), dtype=torch.float64)
        with self._meeting():
            dist.all_reduce(loss)
        return float(loss)

    def message_bytes(self, message: Message, steps: Steps | None = None) -> int:
        """The size of a message in bytes. Not collective."""
        return bytes_of(self.edges, message, steps)


def _timeline(plan: Plan, rows: Sequence[Sequence[float]]) -> Timeline:
    """The timeline from all ranks' readings; 0 is the start of the rank that starts first.

    A message counts as on its way from the end of its producer to the start of its consumer.
    """
    origin = min(row[0] for row in rows[: plan.graph.devices])
    spans: list[Span] = []
    other: list[OtherWork] = []
    ends: dict[Action, float] = {}
    starts: dict[Action, float] = {}
    for device, (program, row) in enumerate(
        zip(plan.programs, rows, strict=False)
    ):  # idle ranks are left out
        started, zeroed, ended, updated, *readings = (value - origin for value in row)
        other += [
            OtherWork(device, "zero_grad", started, zeroed),
            OtherWork(device, "optimizer", ended, updated),
        ]
        compute = [action for action in program if action.operation in COMPUTE]
        for action, start, end in zip(compute, readings[::2], readings[1::2], strict=False):
            spans.append(Span(device, action, start, end))
            units = units_of(plan.graph, action)
            starts |= dict.fromkeys(units, start)
            ends |= dict.fromkeys(units, end)
    transfers = [
        Transfer(message, ends[message.producer], ends[message.producer], starts[message.consumer])
        for message in messages_of(plan.graph)
    ]
    return Timeline(plan.graph, tuple(spans), tuple(transfers), tuple(other))
