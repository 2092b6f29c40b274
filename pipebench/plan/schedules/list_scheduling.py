"""List scheduling of a graph with a split backward: a step is run on paper, and its order is the plan.

Whenever a device has nothing to do, it takes the first of these that is possible:

    the F or I of least rank among those that can start
    a cell of W, if it is large enough to be worth its call, and no F or I that can soon start has to wait long for it
    nothing, until a message comes

Messages are as in the simulator. Each leaves when its producer's cell is over, through the egress port of the sender
and the ingress port of the receiver, and the one that was posted first goes first. So the simulator gives the same
times as the step on paper.

Limits make a W urgent: if no F or I can start because their stages keep as many slices as they may, a W of such a stage
goes first. No order gets stuck: the forwards of a stage of the chain go microbatch by microbatch, all slices of one
microbatch fit within the limit, and a W that frees room waits for nothing.
"""

import heapq
from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from pipebench.plan.actions import Action, Operation
from pipebench.plan.plan import Program
from pipebench.plan.schedules.jobs import Jobs
from pipebench.plan.schedules.paper_ports import PaperPorts
from pipebench.plan.schedules.weights import Rectangle, Weights


class Filling(NamedTuple):
    """When W runs.

    Args:
        sizes: for each stage the sizes of its cells, in slices, one after the other. A device with nothing else to do
            runs the next cell once so many slices wait for W. When no I is left, the rest runs in cells as large as
            possible.
        wait: a device does not run a cell, but waits, if an F or I can start within this share of the cell's time.
    """

    sizes: tuple[Sequence[int], ...]
    wait: float


class Limits(NamedTuple):
    """The most slices that a stage of the chain may keep."""

    alive: float = inf  # slices whose F ran, and whose W has not
    waiting: float = inf  # slices whose I ran, and whose W has not


class Listed(NamedTuple):
    """A step on paper: what each device runs, when it is done, and how long it works."""

    programs: tuple[Program, ...]
    ends_s: tuple[float, ...]
    busy_s: tuple[float, ...]

    @property
    def end_s(self) -> float:
        """The end of the step."""
        return max(self.ends_s)

    @property
    def bubble(self) -> float:
        """The share of all devices' time in which they do nothing."""
        return 1 - sum(self.busy_s) / (len(self.busy_s) * self.end_s) if self.end_s else 0.0


def listed(jobs: Jobs, ranks: Sequence[int], filling: Filling, limits: Limits) -> Listed:
    """Run one step on paper by these rules.

    Args:
        jobs: the jobs of the graph.
        ranks: a rank for each job, all different, from 0 on; the least goes first.
        filling: when W runs.
        limits: the limits of each stage of the chain.
    """
    run = _Run(jobs, ranks, filling, limits)
    run.run()
    return run.listed()


class _Run:
    """One step on paper. An event is a number: a device that is done, or ``devices`` + a message that arrives."""

    def __init__(self, jobs: Jobs, ranks: Sequence[int], filling: Filling, limits: Limits) -> None:
        graph = jobs.graph
        self.jobs, self.graph, self.limits = jobs, graph, limits
        self.sizes, self.wait = [iter(sizes) for sizes in filling.sizes], filling.wait
        self.wanted = [next(sizes, inf) for sizes in self.sizes]
        self.ranks = ranks
        self.by_rank = [0] * len(ranks)
        for job, rank in enumerate(ranks):
            self.by_rank[rank] = job
        devices = range(graph.devices)
        self.missing = list(jobs.waits)
        self.unsent = list(jobs.waits)  # how many of a job's inputs are not even on their way
        self.lands = [0.0] * len(ranks)  # when the last message of a job arrives
        self.ready: list[list[int]] = [[] for _ in devices]
        self.landing: list[list[float]] = [[] for _ in devices]  # when a job will be ready
        self.current: list[int] = [-1] * graph.devices  # a job, or none for W
        self.idle = [True] * graph.devices
        self.order: list[list[int | tuple[int, Rectangle]]] = [[] for _ in devices]
        self.busy_s = [0.0] * graph.devices
        self.chunks = [graph.chunks_of(stage) for stage in range(graph.stages)]
        self.place = [{chunk: place for place, chunk in enumerate(row)} for row in self.chunks]
        self.weights = [Weights(graph.microbatches * len(row)) for row in self.chunks]
        self.stages_of = [graph.stages_of(device) for device in devices]
        self.alive = [0] * graph.stages
        self.limited = limits != Limits()
        self.low: list[int] = jobs.low.tolist()
        self.high: list[int] = jobs.high.tolist()
        self.microbatch: list[int] = jobs.microbatches.tolist()
        self.times: list[float] = []
        self.due: dict[float, list[int]] = {}
        ports = PaperPorts(jobs.senders, jobs.receivers, graph.devices)
        self.ports = ports if jobs.costs.ports else None
        self.ends_s = [0.0] * graph.devices

    def run(self) -> None:
        """Go from time to time; a device chooses its next work after all events of that time."""
        devices = self.graph.devices
        for job, missing in enumerate(self.missing):
            if not missing:
                heapq.heappush(self.ready[self.jobs.device[job]], self.ranks[job])
        for device in range(devices):
            self._start(device, 0.0)
        while self.times:
            now = heapq.heappop(self.times)
            events, done = self.due[now], 0
            while done < len(events):  # work that takes no time adds events
                met: dict[int, None] = {}
                for event in events[done:]:
                    done += 1
                    device = self._over(event, now) if event < devices else self._arrive(event - devices, now)
                    met[device] = None
                for device in met:
                    if self.idle[device]:
                        self._start(device, now)
            del self.due[now]

    def _at(self, time: float, event: int) -> None:
        if time in self.due:
            self.due[time].append(event)
        else:
            self.due[time] = [event]
            heapq.heappush(self.times, time)

    # devices

    def _over(self, device: int, now: float) -> int:
        """Handle the end of a device's job or cell; the device."""
        self.idle[device] = True
        job, jobs = self.current[device], self.jobs
        if job < 0:
            return device
        missing, ready = self.missing, self.ready[device]
        for follower in jobs.followers[jobs.first_follower[job] : jobs.first_follower[job + 1]]:
            missing[follower] -= 1
            self.unsent[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, self.ranks[follower])
            elif not self.unsent[follower]:
                heapq.heappush(self.landing[device], self.lands[follower])
        if jobs.backward[job]:
            stage = jobs.stage[job]
            place = self.place[stage]
            self.weights[stage].add(self.microbatch[job], place[self.low[job]], place[self.high[job]])
        for message in range(jobs.first_message[job], jobs.first_message[job + 1]):
            if self.ports is None or self.ports.post(message):
                self._send(message, now)
        return device

    def _start(self, device: int, now: float) -> None:
        job = self._next_job(device)
        if job is not None:
            self.current[device] = job
            self.order[device].append(job)
            if self.limited and not self.jobs.backward[job]:
                self.alive[self.jobs.stage[job]] += 1
            self._until(device, now, self.jobs.seconds[job])
            return
        found = self._critical(device) or self._filler(device, now)
        if found is not None:
            self._run_weights(device, now, *found)

    def _until(self, device: int, now: float, seconds: float) -> None:
        self.idle[device] = False
        self.busy_s[device] += seconds
        self.ends_s[device] = now + seconds
        self._at(now + seconds, device)

    def _next_job(self, device: int) -> int | None:
        """Take the job of least rank among those that can start and that their stages have room for."""
        ready = self.ready[device]
        if not self.limited:
            return self.by_rank[heapq.heappop(ready)] if ready else None
        found, held = None, []
        while ready and found is None:
            rank = heapq.heappop(ready)
            if self._has_room(self.by_rank[rank]):
                found = self.by_rank[rank]
            else:
                held.append(rank)
        for rank in held:
            heapq.heappush(ready, rank)
        return found

    def _has_room(self, job: int) -> bool:
        stage = self.jobs.stage[job]
        if stage >= self.graph.chain:
            return True
        if self.jobs.backward[job]:
            return self.weights[stage].waiting < self.limits.waiting
        return self.alive[stage] < self.limits.alive

    # W

    def _critical(self, device: int) -> tuple[int, Rectangle] | None:
        """The stage and the cell of W that make room for a job, which only waits for that."""
        for rank in sorted(self.ready[device]):
            stage = self.jobs.stage[self.by_rank[rank]]
            if self.weights[stage].waiting:
                return stage, self.weights[stage].largest(inf)
        return None

    def _filler(self, device: int, now: float) -> tuple[int, Rectangle] | None:
        """The first stage with a cell of W that is large enough, and short enough before the next F or I."""
        landing = self.landing[device]
        while landing and landing[0] <= now:
            heapq.heappop(landing)
        away = landing[0] - now if landing else inf
        for stage in self.stages_of[device]:
            weights, wanted = self.weights[stage], self.wanted[stage]
            if not weights.waiting or (weights.left and weights.waiting < wanted):
                continue
            cell = weights.largest(wanted if weights.left else inf)
            if away > self.wait * self._weights_s(stage, cell):
                self.wanted[stage] = next(self.sizes[stage], inf)
                return stage, cell
        return None

    def _weights_s(self, stage: int, cell: Rectangle) -> float:
        return self.jobs.costs.backward_weight[stage].of(cell.slices)

    def _run_weights(self, device: int, now: float, stage: int, cell: Rectangle) -> None:
        self.weights[stage].take(cell)
        self.alive[stage] -= cell.slices
        self.current[device] = -1
        self.order[device].append((stage, cell))
        self._until(device, now, self._weights_s(stage, cell))

    # messages

    def _send(self, message: int, now: float) -> None:
        consumer = self.jobs.consumers[message]
        end = now + self.jobs.message_s[message]
        self.unsent[consumer] -= 1
        self.lands[consumer] = max(self.lands[consumer], end)
        if not self.unsent[consumer]:
            heapq.heappush(self.landing[self.jobs.receivers[message]], self.lands[consumer])
        self._at(end, self.graph.devices + message)

    def _arrive(self, message: int, now: float) -> int:
        """Handle the arrival of a message, which frees its ports; the receiving device."""
        consumer, receiver = self.jobs.consumers[message], self.jobs.receivers[message]
        self.missing[consumer] -= 1
        if not self.missing[consumer]:
            heapq.heappush(self.ready[receiver], self.ranks[consumer])
        if self.ports is not None:
            for other in self.ports.over(message):
                self._send(other, now)
        return receiver

    # outcome

    def listed(self) -> Listed:
        """The programs and times of the step."""
        programs = tuple(tuple(map(self._action, order)) for order in self.order)
        return Listed(programs, tuple(self.ends_s), tuple(self.busy_s))

    def _action(self, entry: int | tuple[int, Rectangle]) -> Action:
        if isinstance(entry, int):
            operation = Operation.BACKWARD_INPUT if self.jobs.backward[entry] else Operation.FORWARD
            low, high = self.low[entry], self.high[entry]
            stage, microbatch, number = self.jobs.stage[entry], self.microbatch[entry], 1
        else:
            stage, (microbatch, number, *places) = entry
            low, high = (self.chunks[stage][place] for place in places)
            operation = Operation.BACKWARD_WEIGHT
        return Action(operation, stage, microbatch, low, microbatches=number, chunks=high - low + 1)
