"""Runs variants of ``pipebench run`` in turn, and prints what they gave with the interval over runs.

Usage: python benchmarks/interleave.py STUDY [ROUNDS]    measure into results/STUDY (default 4 rounds)
       python benchmarks/interleave.py STUDY table       print its table
"""

import subprocess
import sys
from pathlib import Path

from pipebench.records import folders
from pipebench.records.run import CompletedRun
from pipebench.statistics import ratio_interval

COMMAND = Path(sys.executable).with_name("pipebench")
STUDIES = {
    "wavefront": {"gpipe": ["--gpus", "8"], "wavefront": ["--gpus", "8", "--schedule", "wavefront"]},
    "shared-softmax": {
        f"{schedule}-{hidden}-{name}": [
            "--gpus",
            "8",
            "--schedule",
            schedule,
            "--hidden",
            str(hidden),
            *sharing,
        ]
        for schedule in ("gpipe", "wavefront")
        for hidden in (256, 512)
        for name, sharing in (("alone", []), ("shared", ["--softmax-devices", "all"]))
    },
    "two-ranks": {
        "real": ["--gpus", "2", "--device", "cpu"],
        "emulated": ["--gpus", "2", "--device", "emulated"],
        "emulated-device-order": ["--gpus", "2", "--device", "emulated", "--emulation-order", "device"],
    },
}


def main() -> None:
    """Measure or tabulate one study."""
    study, what = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "4"
    folder = Path("results") / study
    if what != "table":
        measure(study, folder, int(what))
    print("| variant | clock | runs | baseline s | pipeline s | speed-up | 95 % interval over runs |")
    print("|---|---|---|---|---|---|---|")
    for variant in STUDIES[study]:
        print(row(variant, [r for _, r in folders.read_all(folder / variant) if isinstance(r, CompletedRun)]))


def measure(study: str, folder: Path, rounds: int) -> None:
    """Each variant once a round."""
    for number in range(1, rounds + 1):
        for variant, options in STUDIES[study].items():
            print(f"round {number} of {rounds}: {variant}", file=sys.stderr)
            command = [COMMAND, "run", *options, "--quick", "--quiet", "-o", folder / variant]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def row(variant: str, records: list[CompletedRun]) -> str:
    """Geometric means over runs; a run's own launches share what a run has in common."""
    baseline = ratio_interval([record.baseline.step_s for record in records])
    pipeline = ratio_interval([record.pipeline.step_s for record in records])
    speedup = ratio_interval([record.speedup.value for record in records])
    return (
        f"| {variant} | {records[0].clock} | {len(records)} | {baseline.value:.3f} | {pipeline.value:.4f} | "
        f"{speedup.value:.3f} | {speedup.low:.3f} to {speedup.high:.3f} |"
    )


if __name__ == "__main__":
    main()
