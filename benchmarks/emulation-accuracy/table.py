"""Prints the study's tables from its records.

Usage: python benchmarks/emulation-accuracy/table.py [FOLDER] [--package]

FOLDER is results/emulation-accuracy by default; --package writes what ``pipebench run`` quotes.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from cells import CELLS, GPUS, Cell

from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.records import folders
from pipebench.records.run import CompletedRun
from pipebench.records.timelines import timeline_from
from pipebench.run.accuracy import PACKAGED, Study
from pipebench.statistics import Interval, ratio_interval
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import OtherWork, Span, Timeline


class Result:
    """One cell's records, and what follows from them."""

    def __init__(self, cell: Cell, folder: Path) -> None:
        self.cell = cell
        self.real = _record(folder / cell.folder / "real")
        self.emulated = _record(folder / cell.folder / "emulated")
        self.device_order = (
            _record(folder / cell.folder / "emulated-device-order")
            if "emulated-device-order" in cell.variants
            else None
        )
        contention: dict[str, Any] = json.loads((folder / cell.folder / "contention.json").read_text())
        self.slowdown: float = contention["slowdown"]
        self.stretch = stretch(self.emulated, self.slowdown)

    def step(self, emulated: CompletedRun) -> Interval:
        """Emulated / real step time, launch by launch."""
        return ratio_interval([e / r for e, r in zip(_steps(emulated), _steps(self.real), strict=True)])

    def speedup(self, emulated: CompletedRun) -> Interval:
        """Emulated / real speed-up, launch by launch."""
        return ratio_interval([e / r for e, r in zip(_speedups(emulated), _speedups(self.real), strict=True)])

    @property
    def baseline(self) -> Interval:
        """Emulated / real baseline: CPU time against the wall clock of the same work."""
        pairs = zip(self.emulated.launches, self.real.launches, strict=True)
        return ratio_interval([median(e.baseline.step_s) / median(r.baseline.step_s) for e, r in pairs])

    @property
    def busy(self) -> float:
        """Emulated / real busy time of all devices, in the step nearest the median."""
        return sum(d.busy_s for d in self.emulated.devices) / sum(d.busy_s for d in self.real.devices)

    @property
    def messages(self) -> float:
        """What messages cost the devices, as a share of the emulated devices' busy time."""
        assert self.emulated.machine is not None
        assert self.emulated.machine.link is not None
        ends = 2 * len(self.emulated.timeline.transfers)
        return ends * self.emulated.machine.link.overhead_s / sum(d.busy_s for d in self.emulated.devices)


def stretch(record: CompletedRun, slowdown: float) -> float:
    """How much longer the emulated step is if work slows down while the other device works too."""
    assert record.machine is not None
    config = record.config
    graph = Graph(config.gpus, config.microbatches, config.chunks)
    plan = add_transfers(SCHEDULES[config.schedule].plan(graph))
    timeline = timeline_from(record.timeline, plan.graph)
    found = record.machine.link
    assert found is not None
    link = Link(found.latency_s, found.bytes_per_s or float("inf"), overhead_s=found.overhead_s)
    size = record.timeline.transfers[0].bytes or 0
    plain, slower = (
        simulate(plan, _costs(timeline, factor, link), link, message_bytes=lambda _: size)
        for factor in (1.0, slowdown)
    )
    return slower.makespan_s / plain.makespan_s


def _costs(timeline: Timeline, slowdown: float, link: Link) -> MeasuredCosts:
    """The timeline's costs, each longer by the slow-down for as much of it as the other device works."""
    work: list[Span | OtherWork] = [*timeline.spans, *timeline.other]
    by_device = [[item for item in work if item.device == device] for device in range(GPUS)]

    def cost(item: Span | OtherWork) -> float:
        length = item.end_s - item.start_s
        others = by_device[1 - item.device]
        both = sum(max(min(item.end_s, o.end_s) - max(item.start_s, o.start_s), 0.0) for o in others)
        return length + (slowdown - 1) * both

    ends = {span.action: 0 for span in timeline.spans}
    for transfer in timeline.transfers:
        ends[transfer.message.producer] += 1
        ends[transfer.message.consumer] += 1
    return MeasuredCosts(
        {span.action: max(cost(span) - link.overhead_s * ends[span.action], 0.0) for span in timeline.spans},
        before={item.device: cost(item) for item in timeline.other if item.name == "zero_grad"},
        after={item.device: cost(item) for item in timeline.other if item.name == "optimizer"},
    )


def _record(folder: Path) -> CompletedRun:
    """The one record of a variant."""
    (record,) = [record for _, record in folders.read_all(folder) if isinstance(record, CompletedRun)]
    return record


def _steps(record: CompletedRun) -> list[float]:
    return [median(launch.pipeline.step_s) for launch in record.launches]


def _speedups(record: CompletedRun) -> list[float]:
    return [median(launch.baseline.step_s) / median(launch.pipeline.step_s) for launch in record.launches]


def _text(ratio: Interval, scale: float = 1.0) -> str:
    """Such as ``0.975 [0.961, 0.990]``."""
    assert ratio.low is not None
    assert ratio.high is not None
    return f"{ratio.value * scale:.3f} [{ratio.low * scale:.3f}, {ratio.high * scale:.3f}]"


def main() -> None:
    """Two tables: how near, and why not nearer."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--package"]
    folder = Path(arguments[0] if arguments else "results/emulation-accuracy")
    results = [Result(cell, folder) for cell in CELLS if any((folder / cell.folder / "real").glob("*.json"))]
    print_nearness(results)
    print()
    print_effects(results)
    if "--package" in sys.argv:
        package(results)


def print_nearness(results: Sequence[Result]) -> None:
    """Emulated / real, raw and corrected."""
    print(
        "| shape | schedule | real s | emulated s | step, raw | step, corrected | speed-up real, emulated |"
    )
    print("|---|---|---|---|---|---|---|")
    for r in results:
        raw = r.step(r.emulated)
        print(
            f"| {r.cell.shape} | {r.cell.schedule} | {r.real.pipeline.step_s:.4f} | "
            f"{r.emulated.pipeline.step_s:.4f} | {_text(raw)} | {_text(raw, r.stretch)} | "
            f"{r.real.speedup.value:.3f}, {r.emulated.speedup.value:.3f} |"
        )


def print_effects(results: Sequence[Result]) -> None:
    """Speed-ups, the other order, and the sizes of what the emulation does not see."""
    print(
        "| shape | schedule | speed-up, raw | speed-up, corrected | step, device order | baseline | "
        "busy | slow-down | messages |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for r in results:
        speedup = r.speedup(r.emulated)
        other_order = _text(r.step(r.device_order)) if r.device_order else "-"
        print(
            f"| {r.cell.shape} | {r.cell.schedule} | {_text(speedup)} | {_text(speedup, 1 / r.stretch)} | "
            f"{other_order} | {r.baseline.value:.3f} | {r.busy:.3f} | {r.slowdown:.3f} | {r.messages:.1%} |"
        )


def package(results: Sequence[Result]) -> None:
    """What ``pipebench run`` quotes beside an emulated number."""
    first = results[0].emulated
    steps = [result.step(result.emulated) for result in results]
    speedups = [result.speedup(result.emulated) for result in results]
    study = Study(
        date=first.created[:10],
        cpu_model=str(first.environment["cpu_model"]),
        cpu_count=int(first.environment["cpu_count"] or 0),
        torch=str(first.environment["torch"]),
        devices=GPUS,
        cells=len(results),
        step_ratio_low=min(ratio.value for ratio in steps),
        step_ratio_high=max(ratio.value for ratio in steps),
        speedup_ratio_low=min(ratio.value for ratio in speedups),
        speedup_ratio_high=max(ratio.value for ratio in speedups),
    )
    PACKAGED.write_bytes(msgspec.json.format(msgspec.json.encode(study), indent=1) + b"\n")
    print(f"\nwritten: {PACKAGED}", file=sys.stderr)


if __name__ == "__main__":
    main()
