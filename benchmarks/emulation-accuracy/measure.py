"""Runs the study: launches of real ranks and of emulations in turn, cell by cell, on an idle machine.

Usage: python benchmarks/emulation-accuracy/measure.py [FOLDER] [SHAPE ...]

FOLDER is results/emulation-accuracy by default; all shapes take about half an hour on 2 cores.
"""

import json
import sys
import time
from pathlib import Path

from cells import CELLS, LAUNCHES, VARIANTS, Cell
from contention import contention

from pipebench.experiment import Experiment
from pipebench.runtime.launcher import Launcher

_PATIENCE_S = 3600.0


class Quiet:
    """Nobody watches a single launch."""

    def progress(self, doing: str, share: float) -> None:
        """Not shown."""

    def notice(self, text: str) -> None:
        """On stderr."""
        print(f"  {text}", file=sys.stderr)


def main() -> None:
    """All cells, or those of the shapes that are named; the link is measured once, at the start."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/emulation-accuracy")
    shapes = sys.argv[2:]
    for number, cell in enumerate(cell for cell in CELLS if not shapes or cell.shape in shapes):
        print(f"{time.strftime('%H:%M:%S')} {cell.folder}", file=sys.stderr)
        measure(cell, folder / cell.folder, remeasure=number == 0)


def measure(cell: Cell, folder: Path, *, remeasure: bool) -> None:
    """The contention of this cell's work, then its variants' launches in turn, back and forth."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "contention.json").write_text(json.dumps(contention(cell), indent=1) + "\n")
    launcher = Launcher(deadline=time.monotonic() + _PATIENCE_S)
    runs = {
        variant: Experiment(cell.config(variant), Quiet(), remeasure=remeasure and variant == "emulated")
        for variant in VARIANTS
    }
    for variant, run in runs.items():
        run.prepare(folder / variant)
    for number in range(LAUNCHES):
        for variant in list(VARIANTS)[:: 1 if number % 2 == 0 else -1]:
            runs[variant].launch(launcher)
    for variant, run in runs.items():
        run.store("completed", folder / variant)


if __name__ == "__main__":
    main()
