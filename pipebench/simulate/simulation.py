"""A simulation: options -> plan -> check -> timeline -> record. Pure."""

from dataclasses import asdict
from functools import partial

from pipebench.config import budget
from pipebench.errors import UsageError
from pipebench.plan.check import check
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import schedule_named
from pipebench.plan.transfers import Message, add_transfers
from pipebench.records.simulation import (
    LinkChangeRecord,
    SimulationConfig,
    SimulationRecord,
    StageFactorRecord,
)
from pipebench.records.timelines import bubble, device_usages, timeline_record
from pipebench.simulate.devices import device_texts, talking
from pipebench.simulate.options import MOST_S, SimulationOptions
from pipebench.simulate.order import order_costs
from pipebench.telemetry.environment import memory_available_bytes
from pipebench.timing.links import Topology
from pipebench.timing.simulator import DeadlockError, simulate

_NEVER_STUCK = "gpipe"  # with blocking transfers, unless the softmax is shared


def plan_of(options: SimulationOptions) -> Plan:
    """The plan, compute only.

    Raises:
        UsageError: The plan would be too large, or the schedule is unknown.
        EnvironmentRefusedError: It would not fit in memory.
    """
    schedule = schedule_named(options.schedule)
    microbatches = schedule.microbatches if options.microbatches is None else options.microbatches
    usual_chunks = len(options.chunk_factors) or schedule.chunks
    chunks = usual_chunks if options.chunks is None else options.chunks
    options.check_chunks(chunks)
    graph = options.graph(microbatches, chunks)
    slices = graph.stages * graph.microbatches * graph.chunks
    budget.check_actions(len(graph.operations) * slices, memory_available_bytes())
    costs = None
    if schedule.takes_costs:
        costs = order_costs(graph, options.costs(graph), options.topology, options.message_bytes or 0)
    return schedule.plan(graph, costs)


def simulation(options: SimulationOptions) -> SimulationRecord:
    """The simulated timeline as a record.

    Raises:
        UsageError: The plan would be too large, or the schedule is unknown.
        DeadlockError: The plan gets stuck with blocking transfers.
    """
    plan = plan_of(options)
    with_transfers = add_transfers(plan)
    check(with_transfers)
    graph, links, size = plan.graph, options.topology, options.message_bytes or 0
    _check_times(graph, links, size)
    costs, sizes = options.costs(graph), partial(_always, size)
    runs = with_transfers if options.blocking else plan
    try:
        timeline = simulate(runs, costs, links, message_bytes=sizes, blocking=options.blocking)
    except DeadlockError as error:
        raise DeadlockError(f"{error}; {_unstuck(options)}") from None
    return SimulationRecord(
        config=_config(options, graph),
        makespan_s=timeline.makespan_s,
        bubble=bubble(timeline),
        devices=device_usages(timeline, device_texts(graph, softmax=options.whole_softmax_s is not None)),
        timeline=timeline_record(timeline, clock="simulated", message_bytes=sizes if size else None),
    )


def _unstuck(options: SimulationOptions) -> str:
    """What it means that a plan gets stuck, which only blocking transfers can do, and what would not."""
    told = options.schedule != _NEVER_STUCK and options.sharing is None
    other = f", or use --schedule {_NEVER_STUCK}" if told else ""
    return (
        "with --blocking a device that sends waits until the other one receives, and here they wait for each other: "
        f"such a step would never end; leave out --blocking{other}"
    )


def _always(size_bytes: int, message: Message) -> int:  # noqa: ARG001 - they are all the same
    return size_bytes


def _config(options: SimulationOptions, graph: Graph) -> SimulationConfig:
    """The options, with the values that are used."""
    usual = options.usual_costs()
    return SimulationConfig(
        schedule=options.schedule,
        stages=options.stages,
        microbatches=graph.microbatches,
        chunks=graph.chunks,
        forward_s=usual.forward,
        backward_s=usual.backward or 0.0,
        backward_input_s=usual.backward_input,
        backward_weight_s=usual.backward_weight,
        transfer_s=options.transfer_s,
        blocking=options.blocking,
        softmax_devices=options.sharing,
        softmax_s=options.whole_softmax_s,
        hosts=options.hosts,
        transfer_between_s=options.transfer_between_s,
        stage_costs=tuple(StageFactorRecord(*factor) for factor in options.factors),
        link=tuple(LinkChangeRecord(**asdict(change)) for change in options.link_changes),
        message_bytes=options.message_bytes,
        chunk_costs=tuple(StageFactorRecord(*factor) for factor in options.chunk_factors),
    )


def _check_times(graph: Graph, links: Topology, size_bytes: int) -> None:
    """Refuse a message that takes longer than any number here may be."""
    for pair in sorted(talking(graph)):
        taken_s = links.between(*pair).transfer_s(size_bytes)
        if not taken_s <= MOST_S:
            raise UsageError(
                f"--link: a message between devices {pair[0]} and {pair[1]} would take {taken_s:g} s: expected at most "
                f"{MOST_S:g} s; give a smaller --message, or links that are faster"
            )
