"""Prints the study's tables from its records.

Usage: python benchmarks/noise/table.py [FOLDER]   (default results/noise)
"""

import sys
from itertools import combinations
from math import exp, log
from pathlib import Path
from statistics import fmean, median, stdev

from pipebench.records import folders
from pipebench.records.run import CompletedRun


def main() -> None:
    """One table by run, one by variant, and how honest the interval is."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/noise")
    records = {path.name: runs(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    print("| variant | speed-up | 95 % interval | baseline s | pipeline s | faults a step | wall/CPU |")
    print("|---|---|---|---|---|---|---|")
    for variant, found in records.items():
        for record in found:
            print(row(variant, record))
    print()
    honesty(records["default"])
    for variant, found in records.items():
        print(f"{variant}: geometric mean speed-up {mean(found):.3f} over {len(found)} runs")


def runs(folder: Path) -> list[CompletedRun]:
    """The complete runs of a variant, in order."""
    found = []
    for path, record in folders.read_all(folder):
        assert isinstance(record, CompletedRun), f"{path}: no record of a completed run"
        found.append(record)
    return found


def row(variant: str, record: CompletedRun) -> str:
    """A run in figures."""
    speedup, steps = record.speedup, 2 * record.config.steps
    faults = median(launch.page_faults or 0 for launch in record.launches) / steps
    wall = max(launch.wall_per_cpu or 0 for launch in record.launches)
    return (
        f"| {variant} | {speedup.value:.3f} | {speedup.low:.3f} to {speedup.high:.3f} | "
        f"{record.baseline.step_s:.3f} | {record.pipeline.step_s:.4f} | {faults:,.0f} | {wall:.3f} |"
    )


def mean(found: list[CompletedRun]) -> float:
    """The geometric mean of the runs' speed-ups."""
    return exp(fmean(log(record.speedup.value) for record in found))


def honesty(found: list[CompletedRun]) -> None:
    """Whether intervals overlap, and whether the spread between runs is what each run's interval says."""
    pairs = list(combinations(found, 2))
    apart = [(a, b) for a, b in pairs if a.speedup.high < b.speedup.low or b.speedup.high < a.speedup.low]
    inside = [record for record in found if record.speedup.low <= mean(found) <= record.speedup.high]
    between = stdev(log(record.speedup.value) for record in found)
    print(f"pairs whose intervals overlap: {len(pairs) - len(apart)} of {len(pairs)}")
    print(f"intervals that hold the mean of all runs: {len(inside)} of {len(found)}")
    print(f"spread between runs (standard deviation of the logarithm): {between:.4f}\n")


if __name__ == "__main__":
    main()
