"""Waterfalls of several plans side by side, and whether a slower stage is found where it is.

Usage: python benchmarks/where-the-time-goes/measure.py plans [ROUNDS]    measure into results/where-the-time-goes
       python benchmarks/where-the-time-goes/measure.py table             print the table of its records
       python benchmarks/where-the-time-goes/measure.py foreseen          print what records foresee of each other
       python benchmarks/where-the-time-goes/measure.py slow [PAIRS]      with and without a stage that is slowed down

Plans are run in turn, three launches each; the rounds of a plan are joined with ``pipebench merge``.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from math import exp, log, prod
from pathlib import Path
from statistics import fmean
from typing import Any

from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.predictions import Predictions
from pipebench.diagnosis.retold import gain_of_sharing
from pipebench.diagnosis.step import step_of
from pipebench.records import folders
from pipebench.records.run import CompletedRun
from pipebench.timing.changes import change_of
from pipebench.timing.what_if import changed

COMMAND = Path(sys.executable).with_name("pipebench")
FOLDER = Path("results") / "where-the-time-goes"
PAPER = ["--model", "seq2seq", "--softmax-devices", "4", "--schedule", "wavefront"]
PLANS = {
    **{
        f"gpipe-{microbatches}{name}": ["--microbatches", str(microbatches), *sharing]
        for name, sharing in (("", []), ("-shared", ["--softmax-devices", "all"]))
        for microbatches in (4, 8, 16, 32)
    },
    **{
        f"{schedule}{name}": ["--schedule", schedule, *sharing]
        for name, sharing in (("", []), ("-shared", ["--softmax-devices", "all"]))
        for schedule in ("1f1b", "wavefront")
    },
    "paper": PAPER,
}
SHOWN = steps.LOSSES
SLOWER = 1.1  # what ``slow@stage`` does


def main() -> None:
    """Measure, or print what was measured."""
    what = sys.argv[1]
    number = int(sys.argv[2]) if len(sys.argv) > 2 else None
    if what == "plans":
        plans(number or 2)
    elif what == "slow":
        slow(number or 5)
    elif what == "foreseen":
        foreseen()
    else:
        table()


def plans(rounds: int) -> None:
    """Each plan once a round, then its rounds as one record."""
    with tempfile.TemporaryDirectory() as made:
        for turn in range(1, rounds + 1):
            for name, options in PLANS.items():
                print(f"round {turn} of {rounds}: {name}", file=sys.stderr, flush=True)
                run([*options, "--quick", "-o", str(Path(made) / name)])
        for name in PLANS:
            command = [COMMAND, "merge", Path(made) / name, "-o", FOLDER / name]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def run(options: list[str], **environment: str) -> dict[str, Any]:
    """One run on 8 emulated devices; its record."""
    ended = subprocess.run(
        [COMMAND, "run", "--gpus", "8", "--device", "emulated", "--json", "--quiet", *options],
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ | environment,
    )
    record: dict[str, Any] = json.loads(ended.stdout)
    return record


def factors(record: CompletedRun) -> dict[str, float]:
    """The steps of its waterfall."""
    step = step_of(record)
    assert step is not None
    return dict(step.waterfall)


def table() -> None:
    """A row a plan."""
    print("| plan | " + " | ".join(SHOWN) + " | speed-up |")
    print("|---|" + "---|" * (len(SHOWN) + 1))
    for name in PLANS:
        (record,) = [each for _, each in folders.read_all(FOLDER / name) if isinstance(each, CompletedRun)]
        found = factors(record)
        cells = " | ".join(f"{found[step]:.2f}" for step in SHOWN)
        interval = f"{record.speedup.low:.2f} to {record.speedup.high:.2f}"
        print(f"| {name} | {cells} | {record.speedup.value:.2f}x ({interval}) |")


def foreseen() -> None:
    """What one record foresees of another plan, and what that plan's record measured."""
    print("| from | to | foreseen | measured |\n|---|---|---|---|")
    for name in ("", "-shared"):
        for start, others in ((16, (4, 8, 32)), (8, (16, 32)), (4, (8, 16))):
            record = only(FOLDER / f"gpipe-{start}{name}")
            found = predictions(record)
            for other in others:
                graph = replace(found.graph, microbatches=other)
                told = found.now_s / found.step_s("gpipe", graph)
                row(f"gpipe-{start}{name}", f"{other} microbatches", told, record, f"gpipe-{other}{name}")
    for start in ("gpipe-4", "gpipe-8", "gpipe-16", "gpipe-32", "1f1b", "wavefront"):
        record = only(FOLDER / start)
        step = step_of(record)
        assert step is not None
        row(start, "shared, at most", gain_of_sharing(record, step.timeline), record, f"{start}-shared")
    record = only(FOLDER / "1f1b-shared")
    found = predictions(record)
    row("1f1b-shared", "gpipe", found.now_s / found.step_s("gpipe", found.graph), record, "gpipe-16-shared")


def predictions(record: CompletedRun) -> Predictions:
    """Of a record's step."""
    step = step_of(record)
    assert step is not None
    return Predictions(record, step)


def row(start: str, to: str, told: float | None, record: CompletedRun, other: str) -> None:
    """One line of the table."""
    against = only(FOLDER / other)
    assert told is not None
    print(f"| {start} | {to} | {told:.2f} | {against.speedup.value / record.speedup.value:.2f} |")


def slow(pairs: int) -> None:
    """The last stage, which has the projection and is the busiest, made a tenth slower, pair by pair."""
    fell, expected = [], []
    with tempfile.TemporaryDirectory() as made:
        for number in range(pairs):
            folder = Path(made) / str(number)
            order = (False, True) if number % 2 == 0 else (True, False)
            for slowed in order:
                variables = {"PIPEBENCH_INJECT": "slow@stage:7"} if slowed else {}
                run(["--quick", "-o", str(folder / str(slowed))], **variables)
            plain, slower = (only(folder / str(slowed)) for slowed in (False, True))
            fell.append(product(slower) / product(plain))
            expected.append(simulated(plain))
            print(f"pair {number}: {fell[-1]:.4f} measured, {expected[-1]:.4f} simulated", flush=True)
    measured, on_paper = (exp(fmean(map(log, each))) for each in (fell, expected))
    print(
        f"all: {measured:.4f} measured, {on_paper:.4f} simulated, {100 * (measured - on_paper):+.2f} points"
    )


def only(folder: Path) -> CompletedRun:
    """The record of a folder."""
    (record,) = [each for _, each in folders.read_all(folder) if isinstance(each, CompletedRun)]
    return record


def product(record: CompletedRun) -> float:
    """The steps that a slower stage makes smaller: dear slices and unequal stages."""
    found = factors(record)
    return prod((found[steps.WORK], found[steps.STAGES]))


def simulated(record: CompletedRun) -> float:
    """How much of the speed of a step is left with a slower stage, by simulation from the plain record."""
    step = step_of(record)
    assert step is not None
    change = change_of(f"stage 7 x {SLOWER}", step.replay.plan.graph)
    (slower,) = changed([step.replay], change)
    return step.replay.again.makespan_s / slower.again.makespan_s


if __name__ == "__main__":
    main()
