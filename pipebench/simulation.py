"""A simulation as ``pipebench simulate`` asks for it: options -> plan -> check -> timeline -> record. Pure."""

from dataclasses import dataclass

from pipebench import budget
from pipebench.errors import UsageError
from pipebench.models.layout import Shape, Sharing, chain_of, graph_of
from pipebench.plan.check import check
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import schedule_named
from pipebench.plan.transfers import add_transfers
from pipebench.records.simulation import SimulationConfig, SimulationRecord
from pipebench.records.timelines import bubble, device_usages, timeline_record
from pipebench.sharing import sharing_of
from pipebench.telemetry.environment import memory_available_bytes
from pipebench.timing.costs import SoftmaxCosts, UniformCosts
from pipebench.timing.links import Topology, latency_only
from pipebench.timing.simulator import simulate

_MOST_S = 1e15  # 30 million years; what a million of them add up to is far from what no number can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationOptions:
    """Costs in seconds of one action; ``None`` takes the schedule's default, or twice the forward.

    Raises:
        UsageError: A size or cost is out of range, or the costs contradict each other.
    """

    schedule: str = "gpipe"
    stages: int = 8
    microbatches: int | None = None
    chunks: int | None = None
    forward_s: float = 1.0
    backward_s: float | None = None
    backward_input_s: float | None = None
    backward_weight_s: float | None = None
    transfer_s: float = 0.0
    blocking: bool = False
    softmax_devices: str | None = None
    softmax_s: float | None = None
    hosts: int = 1
    transfer_between_s: float | None = None  # as inside a host

    def __post_init__(self) -> None:
        for name in ("stages", "microbatches", "chunks", "hosts"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise UsageError(f"--{name} must be at least 1, got {size}")
        for name in (
            *("forward", "backward", "backward_input", "backward_weight", "transfer", "softmax"),
            "transfer_between",
        ):
            cost = getattr(self, f"{name}_s")
            if cost is not None and not 0 <= cost <= _MOST_S:
                raise UsageError(
                    f"--{name.replace('_', '-')} must be a number of seconds from 0 to {_MOST_S:g}, got {cost}"
                )
        if self.stages % self.hosts:
            raise UsageError(
                f"--hosts {self.hosts}: expected a divisor of the {self.stages} devices, which stand on hosts in equal "
                "numbers"
            )
        if self.hosts == 1 and self.transfer_between_s is not None:
            raise UsageError(
                "--transfer-between is between hosts: say how many with --hosts, or leave it out"
            )
        self.costs()
        sharing_of(self.softmax_devices, self.stages, "--stages")

    @property
    def topology(self) -> Topology:
        """What lies between the devices."""
        inside = latency_only(self.transfer_s)
        across = inside if self.transfer_between_s is None else latency_only(self.transfer_between_s)
        each = self.stages // self.hosts
        return Topology(tuple(device // each for device in range(self.stages)), inside, across)

    @property
    def sharing(self) -> Sharing:
        """Who shares the softmax."""
        return sharing_of(self.softmax_devices, self.stages, "--stages")

    @property
    def whole_softmax_s(self) -> float | None:
        """A forward of the whole projection: as long as a stage's where only its devices are named; None without it."""
        if self.softmax_s is None and self.sharing is not None:
            return self.forward_s
        return self.softmax_s

    def graph(self, microbatches: int, chunks: int) -> Graph:
        """The work of a step, with what its stages cost."""
        chain, whole_s = chain_of(self.stages, self.sharing), self.whole_softmax_s or 0.0
        if self.sharing is None:
            return graph_of(Shape(chain), microbatches, chunks)
        shape = Shape(chain, self.sharing)
        shards = graph_of(shape, 1, 1).stages - chain - 1  # refused before there is much of it
        work = (*[self.forward_s] * chain, *[whole_s / shards] * shards, 0.0)
        return graph_of(shape, microbatches, chunks, work)

    def costs(self) -> UniformCosts:
        """What the actions of the chain cost."""
        halves = self.backward_input_s, self.backward_weight_s
        whole = 2 * self.forward_s if self.backward_s is None and halves == (None, None) else self.backward_s
        return UniformCosts(self.forward_s, whole, *halves)


def plan_of(options: SimulationOptions) -> Plan:
    """The checked plan, compute only.

    Raises:
        UsageError: The plan would be too large, or the schedule is unknown.
        EnvironmentRefusedError: It would not fit in memory.
    """
    schedule = schedule_named(options.schedule)
    microbatches = schedule.microbatches if options.microbatches is None else options.microbatches
    chunks = schedule.chunks if options.chunks is None else options.chunks
    graph = options.graph(microbatches, chunks)
    budget.check_actions(2 * graph.stages * graph.microbatches * graph.chunks, memory_available_bytes())
    plan = schedule.plan(graph)
    check(add_transfers(plan))
    return plan


def simulation(options: SimulationOptions) -> SimulationRecord:
    """The simulated timeline as a record.

    Raises:
        UsageError: The plan would be too large, or the schedule is unknown.
        DeadlockError: The plan gets stuck with blocking transfers.
    """
    costs = options.costs()
    plan = plan_of(options)
    graph = plan.graph
    every = costs if options.whole_softmax_s is None else SoftmaxCosts(costs, options.whole_softmax_s, graph)
    timeline = simulate(plan, every, options.topology, blocking=options.blocking)
    return SimulationRecord(
        config=SimulationConfig(
            schedule=options.schedule,
            stages=options.stages,
            microbatches=graph.microbatches,
            chunks=graph.chunks,
            forward_s=costs.forward,
            backward_s=costs.backward or 0.0,
            backward_input_s=costs.backward_input,
            backward_weight_s=costs.backward_weight,
            transfer_s=options.transfer_s,
            blocking=options.blocking,
            softmax_devices=options.sharing,
            softmax_s=options.whole_softmax_s,
            hosts=options.hosts,
            transfer_between_s=options.transfer_between_s,
        ),
        makespan_s=timeline.makespan_s,
        bubble=bubble(timeline),
        devices=device_usages(timeline, _texts(graph, softmax=options.whole_softmax_s is not None)),
        timeline=timeline_record(timeline, clock="simulated"),
    )


def _texts(graph: Graph, *, softmax: bool) -> list[str]:
    """What each device has, in words."""
    return [_text(graph, device, softmax=softmax) for device in range(graph.devices)]


def _text(graph: Graph, device: int, *, softmax: bool) -> str:
    chain, last = graph.chain, graph.last_stage
    if graph.is_chain:
        return f"stage {device}{' + softmax' if softmax and device == last else ''}"
    shards = "softmax" if last - chain == 1 else f"softmax 1/{last - chain}"
    return " + ".join(
        f"stage {stage}" if stage < chain else shards if stage < last else "loss"
        for stage in graph.stages_of(device)
    )
