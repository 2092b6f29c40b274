"""Plans with cells by hand, and records of steps that ran them.

zero bubble   1F1B whose backward is in halves: each W stands behind the next I
wavefront     chunks of time, the softmax shared: pieces of it run two chunks at once, W runs many slices at once
"""

from collections.abc import Mapping
from dataclasses import replace
from heapq import heappop, heappush
from random import Random
from typing import Any

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Action, Operation, parse_action
from pipebench.plan.cells import cell_of, inputs_of_cell, resolved, units_of
from pipebench.plan.device_kind import DeviceKind
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import Message
from pipebench.records.devices import Device, LinkRecord, MachineRecord
from pipebench.records.figures import Baseline, Pipeline, Speedup
from pipebench.records.run import RunRecord
from pipebench.records.timelines import bubble, device_usages, timeline_record
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import completed_record, launch, record_config, run_config

FORWARD, INPUT, WEIGHT = Operation.FORWARD, Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT
LINK = Link(0.125, 1e3, overhead_s=0.03125)
_AT_ONCE = 0.75  # of what its units take one by one, a cell of several takes


def zero_bubble(stages: int = 4, microbatches: int = 8) -> Plan:
    """As many W as slices on each device, each behind the I of the slice after it."""
    whole = SCHEDULES["1f1b"].plan(Graph(stages, microbatches))
    programs = []
    for program in whole.programs:
        row: list[Action] = []
        for action in program:
            if action.operation is FORWARD:
                row.append(action)
            else:
                row.append(action._replace(operation=INPUT))
                row += [action._replace(operation=WEIGHT, microbatch=action.microbatch - 1)] * bool(
                    action.microbatch
                )
        programs.append((*row, Action(WEIGHT, row[-1].stage, microbatches - 1)))
    return Plan(Graph(stages, microbatches, split_backward=True), tuple(programs))


def wavefront_of_cells() -> Plan:
    """4 stages x 2 microbatches x 8 chunks; the shards' F and I are of 2 chunks, W of up to 16 slices."""
    graph = replace(graph_of(Shape(4, "all"), 2, 8), split_backward=True)
    cells: list[Action] = []
    for stage in range(graph.stages):
        chunks = 1 if stage < graph.chain else 2
        cells += [
            Action(operation, stage, m, c, None, 1, chunks)
            for operation in (FORWARD, INPUT)
            for m in range(2)
            for c in range(0, 8, chunks)
        ]
        texts = (
            [f"{stage}W0-1.*"] if stage % 2 else [f"{stage}W{m}.{c}" for m in (0, 1) for c in ("0-2", "3-7")]
        )
        cells += [resolved(graph, parse_action(text)) for text in texts]
    return _in_some_order(graph, cells)


def _in_some_order(graph: Graph, cells: list[Action]) -> Plan:
    """One that ends: forwards first, then I, then W, as soon as each has its inputs."""
    of, rank = cell_of(graph, cells), {FORWARD: 0, INPUT: 1, WEIGHT: 2}
    missing = {cell: {of[needed] for needed in inputs_of_cell(graph, cell)} for cell in cells}
    programs: list[list[Action]] = [[] for _ in range(graph.devices)]
    ready: list[tuple[Any, ...]] = []

    def offer(cell: Action) -> None:
        time = cell.chunk if cell.operation is FORWARD else -cell.chunk
        heappush(ready, (rank[cell.operation], cell.microbatch, time, cell.stage, cell))

    for cell in cells:
        if not missing[cell]:
            offer(cell)
    while ready:
        done = heappop(ready)[-1]
        programs[graph.device(done)].append(done)
        for cell in cells:
            if done in missing[cell]:
                missing[cell].remove(done)
                if not missing[cell]:
                    offer(cell)
    return Plan(graph, tuple(map(tuple, programs)))


PLANS: Mapping[str, Plan] = {"zero bubble": zero_bubble(), "wavefront": wavefront_of_cells()}


def costs_of(plan: Plan, seed: int | None = None) -> MeasuredCosts:
    """F, I and W of a slice take 1, 1.25 and 0.75 s, or by a seed up to a half more; devices zero and update."""
    random = Random(seed)
    usual = {FORWARD: 1.0, INPUT: 1.25, WEIGHT: 0.75, Operation.BACKWARD: 2.0}
    costs = {}
    for program in plan.programs:
        for action in program:
            units = units_of(plan.graph, action)
            each_s = [
                usual[unit.operation] * (1.0 if seed is None else random.uniform(1.0, 1.5)) for unit in units
            ]
            costs[action] = sum(each_s) * (1.0 if len(units) == 1 else _AT_ONCE)
    devices = range(plan.graph.devices)
    return MeasuredCosts(costs, {d: 0.25 + d / 8 for d in devices}, dict.fromkeys(devices, 0.5))


def message_bytes(message: Message) -> int:
    """Results of different stages are of different sizes."""
    return 100 * (1 + message.producer.stage % 3)


def step_of_cells(plan: Plan, seed: int | None = 1, link: Link = LINK) -> Timeline:
    """What a step took on paper."""
    return simulate(
        plan, costs_of(plan, seed), link, message_bytes=lambda m: 100 * (1 + m.producer.stage % 3)
    )


def by_the_clock(timeline: Timeline) -> Timeline:
    """As real ranks see it: a message is on its way until its consumer begins."""
    begins = {unit: span.start_s for unit, span in timeline.span_of.items()}
    seen = (t._replace(start_s=t.ready_s, end_s=begins[t.message.consumer]) for t in timeline.transfers)
    return replace(timeline, transfers=tuple(seen))


def record_of_cells(
    plan: Plan, *, clock: str = "virtual", baseline_s: float | None = None, **changes: Any
) -> RunRecord:
    """The record of a run whose recorded step ran a plan, and whose launches took as long."""
    link = LinkRecord(LINK.latency_s, LINK.bytes_per_s, LINK.latency_s, LINK.bytes_per_s, LINK.overhead_s)
    timeline = step_of_cells(plan, link=LINK if clock == "virtual" else Link(0.25))
    if clock == "wall":
        timeline = by_the_clock(timeline)
    graph, step_s = plan.graph, timeline.makespan_s
    options: dict[str, Any] = {
        "gpus": graph.devices,
        "layers": graph.chain,
        "microbatches": graph.microbatches,
    }
    options |= {
        "chunks": graph.chunks,
        "schedule": "zb-h1" if graph.is_chain else "wavefront-zb",
        "cell": "split",
    }
    options |= {
        "softmax_devices": None if graph.is_chain else "all",
        "device": "emulated" if clock == "virtual" else "cpu",
    }
    if baseline_s is None:
        baseline_s = sum(span.end_s - span.start_s for span in timeline.spans) / 1.25
    speedup = baseline_s / step_s
    machine = (
        MachineRecord("2014", "a card", "by hand", 1e12, 1e12, 1.0, link) if clock == "virtual" else None
    )
    fields: dict[str, Any] = {
        "device": Device(
            kind=DeviceKind(options["device"]), count=graph.devices, names=["A CPU"] * graph.devices
        ),
        "clock": clock,
        "machine": machine,
        "config": record_config(run_config(**options)),
        "baseline": Baseline("fused", 1, baseline_s, 512 / baseline_s, []),
        "pipeline": Pipeline(step_s, 512 / step_s),
        "speedup": Speedup(speedup, speedup, speedup),
        "efficiency": speedup / graph.devices,
        "bubble": bubble(timeline),
        "launches": [launch([baseline_s], [step_s])] * 2,
        "devices": device_usages(timeline, [f"LSTM {device}" for device in range(graph.devices)]),
        "timeline": timeline_record(timeline, clock=clock),  # type: ignore[arg-type]
        "plan": [line.partition(": ")[2] for line in plan.text().splitlines()],
    }
    return completed_record(**(fields | changes))
