"""Runs the four schedules on 8 emulated devices, their launches in turn, on an otherwise idle machine.

Usage: python benchmarks/schedules/measure.py [FOLDER]   (default results/schedules; about 6 minutes)

The table: pipebench compare results/schedules --by schedule --format md
"""

import sys
import time
from pathlib import Path

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.launching.launcher import Launcher
from pipebench.plan.schedules import SCHEDULES
from pipebench.run.experiment import Experiment

_PATIENCE_S = 3600.0
_LAUNCHES = 6


class Shown:
    """Progress on stderr, one line a launch."""

    def progress(self, doing: object, share: float) -> None:
        """Not shown."""

    def notice(self, text: str) -> None:
        """As it is."""
        print(text, file=sys.stderr)


def main() -> None:
    """Each schedule once a round, every other round from the last to the first."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/schedules")
    launcher = Launcher(deadline=time.monotonic() + _PATIENCE_S)
    runs = {
        schedule: Experiment(
            resolve(RunOptions(gpus=8, device="emulated", schedule=schedule, launches=_LAUNCHES)), Shown()
        )
        for schedule in SCHEDULES
    }
    for run in runs.values():
        run.prepare(folder)
    for number in range(_LAUNCHES):
        print(f"{time.strftime('%H:%M:%S')} round {number + 1} of {_LAUNCHES}", file=sys.stderr)
        for schedule in list(runs)[:: 1 if number % 2 == 0 else -1]:
            runs[schedule].launch(launcher)
    for run in runs.values():
        run.store(folder)


if __name__ == "__main__":
    main()
