"""Runs the study: launches of real ranks and of emulations in turn, cell by cell, on an idle machine.

Usage: python benchmarks/emulation-accuracy/measure.py [FOLDER] [CELL ...]

FOLDER is results/emulation-accuracy by default; all cells take about half an hour on 2 cores.
"""

import json
import sys
import time
from pathlib import Path

from cells import CELLS, LAUNCHES, Cell
from contention import contention

from pipebench.launching.launcher import Launcher
from pipebench.run.experiment import Experiment

_PATIENCE_S = 3600.0
_DISTURBED, _TRIES = 1.05, 10


class Quiet:
    """Nobody watches a single launch."""

    def progress(self, doing: object, share: float) -> None:
        """Not shown."""

    def notice(self, text: str) -> None:
        """On stderr."""
        print(f"  {text}", file=sys.stderr)


def main() -> None:
    """All cells, or those named, such as hidden-64/gpipe; the link is measured once, at the start."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/emulation-accuracy")
    asked = sys.argv[2:]
    for number, cell in enumerate(cell for cell in CELLS if not asked or cell.folder in asked):
        print(f"{time.strftime('%H:%M:%S')} {cell.folder}", file=sys.stderr)
        measure(cell, folder / cell.folder, remeasure=number == 0)


def measure(cell: Cell, folder: Path, *, remeasure: bool) -> None:
    """The contention of this cell's work, then its variants' launches in turn, back and forth."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "contention.json").write_text(json.dumps(contention(cell), indent=1) + "\n")
    launcher = Launcher(deadline=time.monotonic() + _PATIENCE_S)
    runs = {
        variant: Experiment(cell.config(variant), Quiet(), remeasure=remeasure and variant == "emulated")
        for variant in cell.variants
    }
    for variant, run in runs.items():
        run.prepare(folder / variant)
    for number in range(LAUNCHES):
        for variant in cell.variants[:: 1 if number % 2 == 0 else -1]:
            launch(variant, runs[variant], launcher)
    for variant, run in runs.items():
        run.store(folder / variant)


def launch(variant: str, run: Experiment, launcher: Launcher) -> None:
    """One launch; one that other programs disturbed is taken again, and said so."""
    for _ in range(_TRIES):
        before = len(run.so_far.timelines)
        run.launch(launcher)
        worked = run.so_far.launches[-1].wall_per_cpu or 1.0
        if worked <= _DISTURBED:
            return
        print(f"  {variant}: again, since a process worked {worked:.2f}x its CPU time", file=sys.stderr)
        del run.so_far.timelines[before:], run.so_far.launches[-1]
    raise SystemExit("this machine is too busy for the study: stop other programs")


if __name__ == "__main__":
    main()
