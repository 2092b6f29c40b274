"""Tells from the records of this study what sharing costs and wins, and what the order of its actions is worth.

Usage: python benchmarks/shared-softmax/costs.py    from the project's root, after interleave.py shared-softmax
"""

from functools import partial
from pathlib import Path
from statistics import fmean, geometric_mean

from pipebench.config.run_config import RunConfig
from pipebench.diagnosis.retold import run_config_of
from pipebench.diagnosis.sharing import link_of, other_way
from pipebench.models.edges import bytes_of
from pipebench.models.layout import edges_of
from pipebench.plan.check import activations_alive
from pipebench.plan.schedules import SCHEDULES, placing
from pipebench.records import folders
from pipebench.records.run import CompletedRun
from pipebench.records.timelines import timeline_from
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline

FOLDER = Path("results") / "shared-softmax"
WAYS = ("gpipe", "wavefront")
HIDDEN = (256, 512)
LENGTHS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0)  # of a message on paper, over a forward of the chain


def records(name: str) -> list[CompletedRun]:
    """Of a variant, in the order of their rounds."""
    return [record for _, record in folders.read_all(FOLDER / name) if isinstance(record, CompletedRun)]


def step_of(record: CompletedRun) -> tuple[RunConfig, Timeline]:
    """What ran, and the step nearest the median."""
    config = run_config_of(record)
    return config, timeline_from(record.timeline, config.graph)


def busiest(record: CompletedRun) -> float:
    """The busiest device over the mean."""
    busy = [device.busy_s for device in record.devices]
    return max(busy) / fmean(busy)


def split(config: RunConfig, timeline: Timeline) -> dict[str, float]:
    """CPU seconds of a step: of the layers, of all shards, of the loss."""
    graph, found = config.graph, {"layers": 0.0, "shards": 0.0, "loss": 0.0}
    for span in timeline.spans:
        stage = span.action.stage
        name = "layers" if stage < graph.chain else "loss" if stage == graph.last_stage else "shards"
        found[name] += span.end_s - span.start_s
    return found


def sent(config: RunConfig, timeline: Timeline) -> tuple[int, float]:
    """Messages of a step, and their bytes."""
    edges = edges_of(config.outline, config.layout, config.microbatches, config.chunks)
    sizes = [bytes_of(edges, transfer.message) for transfer in timeline.transfers]
    return len(sizes), sum(sizes)


def ordered(record: CompletedRun, *, rest_first: bool, message: float = placing.MESSAGE) -> tuple[float, int]:
    """The step simulated with what its actions took, in one order or the other; and slices kept by a device at most."""
    placing.MESSAGE = message
    config, timeline = step_of(record)
    costs = MeasuredCosts({span.action: span.end_s - span.start_s for span in timeline.spans})
    graph = config.graph
    plan = placing.placed(graph, SCHEDULES[config.schedule].order(graph.chain_alone), rest_first=rest_first)
    edges = edges_of(config.outline, config.layout, config.microbatches, config.chunks)
    made = simulate(plan, costs, link_of(record.machine), message_bytes=partial(bytes_of, edges))
    return made.makespan_s, max(activations_alive(program) for program in plan.programs)


def by_length(records: list[CompletedRun], *, rest_first: bool) -> str:
    """The shortest and the longest step that an assumed length of messages leads to."""
    steps = [
        ordered(record, rest_first=rest_first, message=each)[0] for record in records for each in LENGTHS
    ]
    return f"{1e3 * min(steps):.0f} to {1e3 * max(steps):.0f} ms"


def main() -> None:
    """Three tables."""
    print("| schedule | hidden | speed-up alone | shared | ratio by round | busiest device alone | shared |")
    print("|---|---|---|---|---|---|---|")
    pairs = {}
    for way in WAYS:
        for hidden in HIDDEN:
            alone, shared = records(f"{way}-{hidden}-alone"), records(f"{way}-{hidden}-shared")
            pairs[way, hidden] = alone, shared
            ratios = [b.speedup.value / a.speedup.value for a, b in zip(alone, shared, strict=True)]
            print(
                f"| {way} | {hidden} | {geometric_mean(r.speedup.value for r in alone):.2f}x | "
                f"{geometric_mean(r.speedup.value for r in shared):.2f}x | "
                f"{', '.join(f'{ratio:.2f}' for ratio in ratios)}: **{geometric_mean(ratios):.2f}** | "
                f"{', '.join(f'{busiest(r):.2f}' for r in alone)} | {', '.join(f'{busiest(r):.2f}' for r in shared)} |"
            )
    print()
    print(
        "| schedule | hidden | projection alone | all shards | loss | layers alone | with shards | messages alone | "
        "with shards | the simulator expected |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (way, hidden), (alone, shared) in pairs.items():
        heads, layers, expected, counts = [], [], [], []
        for record in alone:
            config, timeline = step_of(record)
            busy = [device.busy_s for device in record.devices]
            heads.append(busy[-1] - fmean(busy[1:-1]))
            layers.append(split(config, timeline)["layers"] - heads[-1])
            expected.append(other_way(config, timeline, link_of(record.machine)) or 0.0)
            counts.append(sent(config, timeline))
        parts = [split(*step_of(record)) for record in shared]
        (number, size), (more, larger) = counts[0], sent(*step_of(shared[0]))
        print(
            f"| {way} | {hidden} | {1e3 * fmean(heads):.0f} ms | {1e3 * fmean(p['shards'] for p in parts):.0f} ms | "
            f"{1e3 * fmean(p['loss'] for p in parts):.0f} ms | {1e3 * fmean(layers):.0f} ms | "
            f"{1e3 * fmean(p['layers'] for p in parts):.0f} ms | {number}, {size / 1e6:.0f} MB | "
            f"{more}, {larger / 1e6:.0f} MB | {fmean(expected):.2f}x |"
        )
    print()
    print(
        "| schedule | hidden | rest first | slices kept | chain first | slices kept | "
        "rest first, messages of any length | chain first |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for (way, hidden), (_, shared) in pairs.items():
        first = [ordered(record, rest_first=True) for record in shared]
        second = [ordered(record, rest_first=False) for record in shared]
        print(
            f"| {way} | {hidden} | {1e3 * fmean(s for s, _ in first):.0f} ms | {first[0][1]} | "
            f"{1e3 * fmean(s for s, _ in second):.0f} ms | {second[0][1]} | {by_length(shared, rest_first=True)} | "
            f"{by_length(shared, rest_first=False)} |"
        )


if __name__ == "__main__":
    main()
