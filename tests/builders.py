"""Small valid objects that many tests start from, and the settings of property tests."""

from collections.abc import Sequence
from itertools import product
from math import exp
from random import Random
from typing import Any, TypeVar

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.models.registry import given_to, network_for
from pipebench.plan.actions import Action, Operation, parse_action
from pipebench.plan.device_kind import DeviceKind
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.records import simulation, summary
from pipebench.records.config import Config, Input, ModelLayer, ModelRecord, Optimizer
from pipebench.records.devices import Device, LinkRecord, MachineRecord
from pipebench.records.figures import Baseline, Pipeline, Speedup, Verification
from pipebench.records.launches import Block, Launch, PipelineSamples, Samples
from pipebench.records.run import CompletedRun, EndedEarly, Run, ended_early
from pipebench.records.schema import Ending
from pipebench.records.timelines import bubble, device_usages, timeline_record
from pipebench.run.recorded_config import config_record
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline

R = TypeVar("R", bound=Run)

# Deterministic and without a deadline: a busy machine must not fail a test.
PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, database=None)

PIPELINED = ("gpipe", "1f1b", "1f1b-deep", "wavefront")  # of a backward that is whole or split
SPLITTING = ("zb-h1",)  # of one that is split alone

# Schedule, microbatches, chunks: what every device must compute the baseline's gradients with.
SLICINGS = (
    ("naive", 1, 1),
    ("gpipe", 4, 1),
    ("gpipe", 2, 4),
    ("1f1b", 8, 1),
    ("1f1b", 4, 2),
    ("1f1b-deep", 8, 1),
    ("wavefront", 1, 8),
    ("wavefront", 2, 4),
)

# Every number of stages with every number of microbatches, then chunks on a coarser grid.
GRID = (
    *product(range(1, 9), range(1, 17), (1,)),
    *product((1, 2, 3, 8), (1, 2, 5, 16), range(2, 9)),
)

graphs = st.builds(Graph, st.integers(1, 8), st.integers(1, 16), st.integers(1, 8))


def plan_of(schedule: str, stages: int, microbatches: int, chunks: int = 1) -> Plan:
    """A schedule's plan, one stage a device."""
    split = SCHEDULES[schedule].splits_backward
    return SCHEDULES[schedule].plan(Graph(stages, microbatches, chunks, split_backward=split))


def program(text: str) -> tuple[Action, ...]:
    """``"0F0 0B0"`` as one device's actions."""
    return tuple(parse_action(word) for word in text.split())


def plan_by_hand(graph: Graph, *rows: str) -> Plan:
    """A plan with one line of text for each device, right or wrong."""
    return Plan(graph, tuple(program(row) for row in rows))


def texts(plan: Plan) -> list[str]:
    """Each device's program as text."""
    return [" ".join(plan.graph.text(action) for action in row) for row in plan.programs]


def costs_by_hand(graph: Graph, **special_s: float) -> MeasuredCosts:
    """F = 1 and B = 2 seconds, except where named, as in ``_0F1=5.5``."""
    usual = {action: 1.0 if action.operation is Operation.FORWARD else 2.0 for action in graph.actions()}
    return MeasuredCosts(usual | {parse_action(name[1:]): value for name, value in special_s.items()})


def random_costs(graph: Graph, seed: int) -> MeasuredCosts:
    """Different for every action and around the actions, none of them 0."""
    random = Random(seed)
    return MeasuredCosts(
        {action: random.uniform(0.1, 3.0) for action in graph.actions()},
        before={device: random.uniform(0.1, 6.0) for device in range(graph.devices)},
        after={device: random.uniform(0.1, 1.0) for device in range(graph.devices)},
    )


def small_timeline() -> Timeline:
    """2 devices, 2 microbatches, F = 1, B = 2, latency 0.25: a makespan of 3 x 3 + 2 x 0.25 = 9.5."""
    return simulate(plan_of("gpipe", 2, 2), UniformCosts(1, 2), latency_only(0.25))


def run_config(**options: Any) -> RunConfig:
    """A resolved configuration of 2 devices and few, small layers."""
    given = {"gpus": 2, "preset": "tiny", "layers": 2, "microbatches": 2, "launches": 2}
    return resolve(RunOptions(**(given | options)))


def network_of(config: RunConfig) -> Any:
    """The model of a configuration in this process."""
    return network_for(config, given_to(config).data)


def launch(baseline_s: list[float], pipeline_s: list[float], **changes: Any) -> Launch:
    """A launch with these raw step times."""
    kinds = (("baseline", baseline_s), ("pipeline", pipeline_s))
    blocks = [Block(kind=kind, start_s=0.0, steps=len(steps)) for kind, steps in kinds]
    made = Launch(
        baseline=Samples(step_s=baseline_s),
        pipeline=PipelineSamples(step_s=pipeline_s),
        blocks=blocks,
        page_faults=0,
        wall_per_cpu=1.0,
    )
    return msgspec.structs.replace(made, **changes)


def record_config(config: RunConfig) -> Config:
    """The configuration as a record holds it, with an input of 512 words a step."""
    counted = Input(
        kind="synthetic",
        sha256="0" * 64,
        tokens=2176,
        vocabulary=197,
        words_per_step=512.0,
        count_rule="target words without padding",
    )
    return msgspec.structs.replace(config_record(config, None), input=counted)


def completed_record(**changes: Any) -> CompletedRun:
    """A valid record of a completed run; ``changes`` replace fields before it is checked.

    2 devices, 2 launches, speed-up 19 / 9.5 = 2 exactly; its timeline is ``small_timeline``.
    """
    timeline = small_timeline()
    fields: dict[str, Any] = {
        "id": "20261124-091500-emulated2-gpipe-3fa9c1",
        "created": "2026-11-24T09:15:00+00:00",
        "status": "completed",
        "device": Device(kind=DeviceKind.EMULATED, count=2, names=["A CPU", "A CPU"]),
        "clock": "virtual",
        "machine": MachineRecord(
            name="2014",
            card="one 2014 GPU",
            source="fitted",
            card_flops_per_s=0.762e12,
            host_flops_per_s=0.0762e12,
            time_dilation=10.0,
            link=LinkRecord(10e-6, 10e9, 100e-6, 1e9),
        ),
        "config": record_config(run_config()),
        "baseline": Baseline("fused", 1, 19.0, 512 / 19, []),
        "pipeline": Pipeline(9.5, 512 / 9.5),
        "speedup": Speedup(2.0, 2.0, 2.0),
        "efficiency": 1.0,
        "verification": Verification(1e-7, 1e-4, 5.3, 5.3),
        "bubble": bubble(timeline),
        "launches": [launch([19.0], [9.5]), launch([19.0], [9.5])],
        "devices": device_usages(timeline, ["embedding + LSTM 0", "LSTM 1 + projection"]),
        "timeline": timeline_record(timeline, clock="virtual"),
        "warnings": [],
        "environment": {"python": "3.11.7", "load_average_1min": 0.5, "libc": None},
    }
    return CompletedRun(**(fields | changes))


def ended_run(record: Run, status: Ending = "aborted", **changes: Any) -> EndedEarly:
    """The record as that of a run that did not complete; ``changes`` replace fields."""
    return msgspec.structs.replace(ended_early(record, status), **changes)


def simulation_record() -> simulation.SimulationRecord:
    """A valid record of a simulation."""
    timeline = small_timeline()
    return simulation.SimulationRecord(
        config=simulation.SimulationConfig("gpipe", 2, 2, 1, 1.0, 2.0, None, None, 0.0, blocking=False),
        makespan_s=timeline.makespan_s,
        bubble=bubble(timeline),
        devices=device_usages(timeline, ["stage 0", "stage 1"]),
        timeline=timeline_record(timeline, clock="simulated"),
    )


def measured_record(launches: Sequence[Launch], **changes: Any) -> CompletedRun:
    """A completed record of these launches whose summaries are those of its samples."""
    baseline_s, pipeline_s = summary.baseline_step_s(launches), summary.pipeline_step_s(launches)
    speedup = summary.speedup(launches)
    fields: dict[str, Any] = {
        "config": record_config(run_config(launches=len(launches))),
        "baseline": Baseline("fused", 1, baseline_s, 512 / baseline_s, []),
        "pipeline": Pipeline(pipeline_s, 512 / pipeline_s),
        "speedup": speedup,
        "efficiency": speedup.value / 2,
        "launches": list(launches),
    }
    return completed_record(**(fields | changes))


def noisy_launches(
    random: Random, number: int = 6, *, log_sd: float = 0.01, slower: float = 1.0
) -> list[Launch]:
    """Launches whose baseline and pipeline each spread by ``log_sd``; their two steps by half as much again."""

    def steps(middle_s: float) -> list[float]:
        level = middle_s * exp(random.gauss(0, log_sd))
        return [level * exp(random.gauss(0, log_sd / 2)) for _ in range(2)]

    return [launch(steps(19.0), steps(9.5 * slower)) for _ in range(number)]


def with_config(record: R, **changes: Any) -> R:
    """The record with other options in its configuration."""
    return msgspec.structs.replace(record, config=msgspec.structs.replace(record.config, **changes))


STEADY_S = [9.4, 9.5, 9.6, 9.45, 9.55, 9.5]


def steady_record(factor: float = 1.0, **changes: Any) -> CompletedRun:
    """Six launches that spread by 1 %, the pipeline ``factor`` times as slow as the reference's 9.5 s."""
    return measured_record([launch([19.0], [factor * step]) for step in STEADY_S], **changes)


def record_of_wall_clock() -> CompletedRun:
    """``steady_record`` as two processes on cores would have it."""
    record = steady_record()
    device = msgspec.structs.replace(record.device, kind=DeviceKind.CPU)
    return msgspec.structs.replace(record, clock="wall", machine=None, device=device)


OWN_LAYERS = (("conv", 1_200), ("block", 30_000), ("head", 850))


def own_record(factor: float = 1.0, *, devices: int = 1, **changes: Any) -> CompletedRun:
    """``steady_record`` of a user's own model: 64 samples a step, no sizes, a naive baseline if on more ``devices``."""
    record = steady_record(factor)
    config = msgspec.structs.replace(
        record.config,
        preset=None,
        layers=len(OWN_LAYERS),
        hidden=None,
        vocab=None,
        batch=64,
        sequence_length=None,
        partition=[2, 1],
        optimizer=Optimizer(name="Adam", momentum=None),
        model=ModelRecord("net", [ModelLayer(*layer) for layer in OWN_LAYERS], "5" * 64),
        input=Input(
            kind="batch",
            sha256="6" * 64,
            tokens=None,
            vocabulary=None,
            words_per_step=None,
            count_rule="the batch's size",
            unit="samples",
            items_per_step=64.0,
        ),
    )
    baseline = msgspec.structs.replace(
        record.baseline,
        kind="fused" if devices == 1 else "naive",
        words_per_s=None,
        items_per_s=64 / record.baseline.step_s,
        devices=devices,
    )
    texts = zip(record.devices, ("conv + block", "head"), strict=True)
    fields = {
        "config": config,
        "baseline": baseline,
        "pipeline": Pipeline(record.pipeline.step_s, None, 64 / record.pipeline.step_s),
        "efficiency": record.speedup.value * devices / record.device.count,
        "verification": Verification(1e-7, 1e-4, 5.3, 5.3, 6, max_relative_parameter_error=1.2e-8),
        "devices": [msgspec.structs.replace(device, layers=text) for device, text in texts],
    }
    return msgspec.structs.replace(record, **(fields | changes))
