"""Would the step be faster if the softmax were shared, or were not? By simulation, from what a step took. Pure.

The same step is simulated twice, as it was and the other way round, with the link between its devices. Where the head
stands on the last device, its part of that device's actions is known by computed operations, and goes to shards in
proportion to their words. Where it is shared, what its shards took goes to the last device of the chain.

What small products and more calls cost is not in it: a shard with a tenth of the words takes more than a tenth of the
time.
"""

from collections.abc import Mapping
from functools import partial
from math import inf

import msgspec

from pipebench.config import RunConfig
from pipebench.models.edges import bytes_of
from pipebench.models.layout import edges_of
from pipebench.models.outline import Slice
from pipebench.plan.actions import Action
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.schema import MachineRecord
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline

_MOST_ACTIONS = 20_000  # of a step; more take seconds


def other_way(config: RunConfig, timeline: Timeline, link: Link) -> float | None:
    """How many times as fast the step would be if all devices shared the softmax or, where they do, if none did.

    Args:
        config: what ran, its partition known.
        timeline: of a step.
        link: between two devices.

    Returns:
        ``None`` where there is no other way, or nothing can be said.
    """
    other = _other(config)
    costs = {span.action: span.end_s - span.start_s for span in timeline.spans}
    if other is None or len(costs) > _MOST_ACTIONS or set(costs) != set(config.graph.actions()):
        return None
    as_it_was = _simulated_s(config, costs, timeline, link)
    moved = _to_shards if config.softmax_devices is None else _to_last_stage
    otherwise = _simulated_s(other, moved(config, other, costs), timeline, link)
    return as_it_was / otherwise if otherwise and as_it_was else None


def _other(config: RunConfig) -> RunConfig | None:
    rows = config.outline.head_rows
    if rows is None or config.partition is None or len(config.partition) != config.chain_devices:
        return None
    if config.gpus == 1 or isinstance(config.softmax_devices, int):  # devices of their own would be gone
        return None
    if config.softmax_devices == "all":
        return msgspec.structs.replace(config, softmax_devices=None)
    if rows < config.gpus or 0 in config.partition:
        return None
    return msgspec.structs.replace(config, softmax_devices="all")


def _to_shards(config: RunConfig, other: RunConfig, costs: Mapping[Action, float]) -> dict[Action, float]:
    outline, last = config.outline, config.layout.parts[-1]
    head = Slice(last.end, last.end, opens=False, closes=True)
    share = outline.step_s(head, 1.0) / outline.step_s(last, 1.0)
    parts, stage = other.layout.parts, config.graph.last_stage
    found: dict[Action, float] = {}
    for action in other.graph.actions():
        rows = parts[action.stage].rows
        if action.stage < stage:
            found[action] = costs[action]
        else:
            whole_s = costs[action._replace(stage=stage)]
            left = 1 - share if action.stage == stage else 0.0
            found[action] = whole_s * (
                left if rows is None else share * rows.number / (outline.head_rows or 1)
            )
    return found


def _to_last_stage(config: RunConfig, other: RunConfig, costs: Mapping[Action, float]) -> dict[Action, float]:
    stage = other.graph.last_stage
    found = {action: costs[action] for action in other.graph.actions()}
    for action, seconds in costs.items():
        if stage < action.stage < config.graph.last_stage:
            found[action._replace(stage=stage)] += seconds
    return found


def _simulated_s(config: RunConfig, costs: Mapping[Action, float], timeline: Timeline, link: Link) -> float:
    """The makespan, with each device's zeroing and update as they were."""
    after = {work.device: work.end_s - work.start_s for work in timeline.other if work.name == "optimizer"}
    before = {work.device: work.end_s - work.start_s for work in timeline.other if work.name == "zero_grad"}
    plan = SCHEDULES[config.schedule].plan(config.graph)
    edges = edges_of(config.outline, config.layout, config.microbatches, config.chunks)
    measured = MeasuredCosts(costs, before, after)
    return simulate(plan, measured, link, message_bytes=partial(bytes_of, edges)).makespan_s


def link_of(machine: MachineRecord | None) -> Link:
    """The link of an emulated machine at the host's scale; of real devices nobody knows it: messages for nothing."""
    if machine is None or machine.link is None or machine.link.host_latency_s is None:
        return Link()
    return Link(
        machine.link.host_latency_s,
        machine.link.host_bytes_per_s or inf,
        overhead_s=machine.link.overhead_s * (machine.time_dilation or 1.0),
    )
