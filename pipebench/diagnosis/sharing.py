"""Would the step be faster if the softmax were shared, or were not? By simulation, from what a step took. Pure.

The same step is simulated twice, as it was and the other way round, with the link between its devices. Where the head
is on the last device, its part of that device's actions is known by computed operations, and goes to shards in
proportion to their words; what small products and more calls cost is left out. Each half of a backward is divided like
a forward. Where it is shared, the time of its shards goes to the last device of the chain. The time that each shard
would take without any words is counted once, not once a shard; shards of two sizes tell how long it is.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf
from statistics import fmean

import msgspec

from pipebench.config.run_config import RunConfig
from pipebench.models.edges import bytes_of
from pipebench.models.layout import edges_of
from pipebench.models.outline import Slice
from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.cells import units_of
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.devices import MachineRecord
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline

_ALIKE = 0.8  # of the words of the largest shard: a shard below that tells what an action costs without any
_MOST_ACTIONS = 20_000  # of a step; more take seconds


def other_way(config: RunConfig, timeline: Timeline, link: Link) -> float | None:
    """How many times as fast the step would be if all devices shared the softmax or, where they do, if none did.

    Args:
        config: what ran, its partition known.
        timeline: the timeline of a step.
        link: the link between two devices.

    Returns:
        ``None`` where there is no other way, or nothing can be said: a schedule that takes costs would have to search
        for an order of the other way.
    """
    other = _other(config)
    if other is None or len(timeline.spans) > _MOST_ACTIONS or SCHEDULES[config.schedule].takes_costs:
        return None
    costs = _of_units(timeline)
    if set(costs) != set(config.graph.actions()):
        return None
    as_it_was = _simulated_s(config, costs, timeline, link)
    moved = _to_shards if config.softmax_devices is None else _to_last_stage
    otherwise = _simulated_s(other, moved(config, other, costs), timeline, link)
    return as_it_was / otherwise if otherwise and as_it_was else None


def _of_units(timeline: Timeline) -> dict[Action, float]:
    """Seconds of each unit; the units of a cell have equal shares of its time."""
    found: dict[Action, float] = {}
    for span in timeline.spans:
        units = units_of(timeline.graph, span.action)
        found |= dict.fromkeys(units, (span.end_s - span.start_s) / len(units))
    return found


def _other(config: RunConfig) -> RunConfig | None:
    rows = config.outline.head_rows
    if rows is None or config.partition is None or len(config.partition) != config.chain_devices:
        return None
    if config.gpus == 1 or isinstance(config.softmax_devices, int):  # the softmax's devices would be gone
        return None
    if config.softmax_devices == "all":
        return msgspec.structs.replace(config, softmax_devices=None)
    if rows < config.gpus or 0 in config.partition:
        return None
    return msgspec.structs.replace(config, softmax_devices="all")


def _to_shards(config: RunConfig, other: RunConfig, costs: Mapping[Action, float]) -> dict[Action, float]:
    outline, graph, last = config.outline, config.graph, config.layout.parts[-1]
    head_s = outline.step_s(Slice(last.end, last.end, opens=False, closes=True), 1.0)
    layers_s = (outline.step_s(last, 1.0) - head_s) / graph.segments  # in the segment that has a head
    share = head_s / (head_s + layers_s)
    parts, stage = other.layout.parts, graph.last_stage
    found: dict[Action, float] = {}
    for action in other.graph.actions():
        rows = parts[action.stage].rows
        headless = graph.segment_of(action.chunk) < graph.segments - 1
        if action.operation in REDUCTIONS or action.stage < stage or headless:
            found[action] = costs[action]
        else:
            whole_s = costs[action._replace(stage=stage)]
            left = 1 - share if action.stage == stage else 0.0
            found[action] = whole_s * (
                left if rows is None else share * rows.number / (outline.head_rows or 1)
            )
    return found


def _to_last_stage(config: RunConfig, other: RunConfig, costs: Mapping[Action, float]) -> dict[Action, float]:
    stage, shards = other.graph.last_stage, _shards(config)
    found = {action: costs[action] for action in other.graph.actions()}
    for operation in config.graph.operations:
        fixed_s = _fixed_s(config, costs, operation)
        for action in found:
            shared = config.graph.has(action._replace(stage=shards[0]))
            if action.stage == stage and action.operation is operation and shared:
                each_s = [costs[action._replace(stage=shard)] for shard in shards]
                found[action] += max(sum(each_s) - (len(shards) - 1) * fixed_s, *each_s)
    return found


def _shards(config: RunConfig) -> Sequence[int]:
    return range(config.graph.chain, config.graph.last_stage)


def _fixed_s(config: RunConfig, costs: Mapping[Action, float], operation: Operation) -> float:
    """Seconds that an action of a shard would take without any words, by shards of two sizes; 0 where all are alike."""
    seconds: dict[int, list[float]] = defaultdict(list)
    parts = config.layout.parts
    for action, action_s in costs.items():
        rows = parts[action.stage].rows
        if rows is not None and action.operation is operation:
            seconds[rows.number].append(action_s)
    few, many = min(seconds), max(seconds)
    if few > _ALIKE * many:
        return 0.0
    few_s, many_s = fmean(seconds[few]), fmean(seconds[many])
    return min(max(few_s - few * (many_s - few_s) / (many - few), 0.0), few_s)


def _simulated_s(config: RunConfig, costs: Mapping[Action, float], timeline: Timeline, link: Link) -> float:
    """The makespan in seconds, with each device's zeroing and update as they were."""
    after = {work.device: work.end_s - work.start_s for work in timeline.other if work.name == "optimizer"}
    before = {work.device: work.end_s - work.start_s for work in timeline.other if work.name == "zero_grad"}
    plan = SCHEDULES[config.schedule].plan(config.graph)
    edges = edges_of(config.outline, config.layout, config.microbatches, config.chunks)
    whole = {
        action: sum(costs[unit] for unit in units_of(plan.graph, action))
        for program in plan.programs
        for action in program
    }
    measured = MeasuredCosts(whole, before, after)
    return simulate(plan, measured, link, message_bytes=partial(bytes_of, edges)).makespan_s


def link_of(machine: MachineRecord | None) -> Link:
    """The link of an emulated machine at the host's scale; for real devices, a link that takes no time."""
    if machine is None or machine.link is None or machine.link.host_latency_s is None:
        return Link()
    return Link(
        machine.link.host_latency_s,
        machine.link.host_bytes_per_s or inf,
        overhead_s=machine.link.overhead_s * (machine.time_dilation or 1.0),
    )
