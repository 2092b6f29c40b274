"""A dry run: the plan, the time budget and the memory of a run, without measuring anything. Pure."""

import time
from collections.abc import Callable
from typing import Literal

import msgspec

from pipebench.config import budget
from pipebench.config.run_config import RunConfig
from pipebench.models.outline import Source, whole
from pipebench.models.registry import given_to
from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.cells import units_of
from pipebench.plan.checkpoints import is_checkpointed
from pipebench.plan.device_kind import DeviceKind
from pipebench.records.figures import DeviceUsage
from pipebench.records.schema import Schema
from pipebench.records.timelines import device_usages
from pipebench.run.devices import settled
from pipebench.system.supervision import supervised
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline

_TRAINING = 3  # a forward and a backward twice as expensive


class GivenOption(msgspec.Struct, frozen=True):
    """An option of a dry run, its value, and where that is from: the command line, a file's name or the default."""

    option: str
    value: str | float | list[str] | None
    came_from: str


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would do. Seconds assume a rate, bytes are computed: each name or label says so."""

    schema: Schema = Schema()
    kind: Literal["dry-run"] = "dry-run"
    device: DeviceKind
    clock: Literal["wall", "virtual"]
    machine: str | None
    config: RunConfig
    partition: tuple[int, ...]
    partition_label: str
    assumed_flops_per_s: float | None  # None: the seconds of layers were measured
    assumed_run_s: float
    deadline_s: float
    host_bytes_computed: int
    devices: list[DeviceUsage]
    unknown_share: float | None
    origin: str | None = None
    options: list[GivenOption] = []


def dry_run(config: RunConfig, tell: Callable[[str], None]) -> tuple[DryRun, Timeline]:
    """The run on paper, and its timeline with costs in proportion to computed operations.

    Args:
        config: what to run.
        tell: takes the name of what takes long.

    Raises:
        DeadlineError: The run's deadline passed.
        UsageError: The input is missing, or not what it should be.
        EnvironmentRefusedError: The run would not fit in memory.
    """
    with supervised(time.monotonic() + budget.deadline_s(config), tell) as phase:
        phase("looking for devices and memory")
        config, _ = settled(config)
        phase(f"reading {config.text or 'the input'}")
        given = given_to(config)
        phase("simulating the plan")
        return _on_paper(config.with_input(given), given.source)


def _on_paper(config: RunConfig, source: Source) -> tuple[DryRun, Timeline]:
    partition, outline, layout = config.planned_partition, config.outline, config.layout
    assumed = budget.assumed_flops_per_s(config)
    graph = config.graph
    shares = [outline.chunk_shares(part, graph.chunks_each) for part in layout.parts]
    forward_s = [
        outline.step_s(part, assumed) / _TRAINING / graph.microbatches / len(graph.lives[stage])
        for stage, part in enumerate(layout.parts)
    ]

    def cost(action: Action) -> float:
        if action.operation in REDUCTIONS:
            return 0.0
        slice_s = forward_s[action.stage] * shares[action.stage][action.chunk % graph.chunks_each]
        if action.operation is Operation.FORWARD:
            return slice_s
        if action.operation is Operation.BACKWARD_WEIGHT:
            return slice_s
        again = is_checkpointed(config.checkpoint, action.microbatch, config.microbatches)
        return slice_s * (again + (1 if graph.split_backward else 2))

    plan = config.plan
    costs = {
        action: sum(map(cost, units_of(graph, action))) for program in plan.programs for action in program
    }
    timeline = simulate(plan, MeasuredCosts(costs))
    measured_later, counted = config.partition is None, outline.step_flops(whole(outline)) is not None
    by = "computed operations" if counted else "what a slice of each layer took"
    document = DryRun(
        device=config.kind,
        clock=config.clock,
        machine=None if config.kind.is_real else config.machine,
        config=config,
        partition=partition,
        partition_label=f"by {by}; a run measures the layers" if measured_later else "as it will run",
        assumed_flops_per_s=assumed if counted else None,
        assumed_run_s=budget.run_s(config),
        deadline_s=budget.deadline_s(config),
        host_bytes_computed=budget.host_bytes(config),
        devices=device_usages(
            timeline,
            layout.texts(outline),
            budget.device_memory(config, partition),
            bytes_are=outline.bytes_are,
        ),
        unknown_share=source.unknown_share,
        origin=source.origin,
    )
    return document, timeline
