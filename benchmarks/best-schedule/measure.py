"""Six schedules on 8 emulated devices against one single device, in the same launches, on an otherwise idle machine.

Usage: python benchmarks/best-schedule/measure.py HIDDEN [LAUNCHES [FOLDER]]   measure (default 3 launches)
       python benchmarks/best-schedule/measure.py table [FOLDER]               print the tables of its records

In a launch the single device and all twelve pipelines take their steps in turn: six schedules, the softmax on the last
device or on all. The default folder is results/best-schedule.
"""

import sys
import time
from pathlib import Path
from statistics import fmean

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.step import step_of
from pipebench.launching.launcher import Launcher
from pipebench.records import folders
from pipebench.records.run import CompletedRun
from pipebench.run.experiment import Experiment

FOLDER = Path("results") / "best-schedule"
SCHEDULES = ("naive", "gpipe", "1f1b", "wavefront", "zb-h1", "wavefront-zb")
SHARING = (None, "all")
_PATIENCE_S = 3600.0
SHOWN = steps.LOSSES


class Shown:
    """Notices on stderr; progress is not shown."""

    def progress(self, doing: object, share: float) -> None:
        """Not shown."""

    def notice(self, text: str) -> None:
        """As it is."""
        print(text, file=sys.stderr)


def main() -> None:
    """Measure one size, or print what was measured."""
    what, *rest = sys.argv[1:]
    if what == "table":
        table(Path(rest[0]) if rest else FOLDER)
    else:
        measure(int(what), int(rest[0]) if rest else 3, Path(rest[1]) if len(rest) > 1 else FOLDER)


def config_of(hidden: int, schedule: str, sharing: str | None, launches: int) -> RunConfig:
    """Of one pipeline; all but the schedule's own options are the main job's."""
    return resolve(
        RunOptions(
            gpus=8,
            device="emulated",
            hidden=hidden,
            schedule=schedule,
            softmax_devices=sharing,
            launches=launches,
            deadline_s=_PATIENCE_S,
        )
    )


def measure(hidden: int, launches: int, folder: Path) -> None:
    """All pipelines of a size beside one baseline."""
    configs = [
        config_of(hidden, schedule, sharing, launches) for sharing in SHARING for schedule in SCHEDULES
    ]
    first, *others = configs
    beside = [Experiment(config, Shown()) for config in others]
    whole = Experiment(first, Shown(), beside=beside)
    for each in (whole, *beside):
        each.prepare(folder)
    launcher = Launcher(deadline=time.monotonic() + _PATIENCE_S)
    for number in range(launches):
        print(f"{time.strftime('%H:%M:%S')} launch {number + 1} of {launches}", file=sys.stderr)
        whole.launch(launcher)
    for each in (whole, *beside):
        record, path = each.store(folder)
        print(f"{path.stem}: {record.speedup.value:.2f}x", file=sys.stderr)


def table(folder: Path) -> None:
    """Speed-ups, and where the rest goes."""
    records = [record for _, record in folders.read_all(folder) if isinstance(record, CompletedRun)]
    print(
        "| hidden | softmax | schedule | speed-up | 95 % interval | bubble | balance limit | gradient error | "
        + " | ".join(name.split(" of ")[0] for name in SHOWN)
        + " |"
    )
    print("|---" * (8 + len(SHOWN)) + "|")
    for record in sorted(records, key=_place):
        print(row(record))


def _place(record: CompletedRun) -> tuple[int, bool, int]:
    config = record.config
    return -(config.hidden or 0), config.softmax_devices is None, SCHEDULES.index(config.schedule)


def row(record: CompletedRun) -> str:
    """One line."""
    config, speedup, step = record.config, record.speedup, step_of(record)
    assert step is not None
    factors = {each.step: each.factor for each in step.waterfall}
    busy = [each.busy_s for each in record.devices]
    shown = " | ".join(f"{factors.get(name, 1.0):.3f}" for name in SHOWN)
    return (
        f"| {config.hidden} | {'all' if config.softmax_devices else 'last'} | {config.schedule} | "
        f"**{speedup.value:.2f}x** | {speedup.low or 0:.2f} to {speedup.high or 0:.2f} | "
        f"{100 * record.bubble.fraction:.1f} % | {len(busy) * fmean(busy) / max(busy):.2f} | "
        f"{record.verification.max_relative_gradient_error:.1e} | {shown} |"
    )


if __name__ == "__main__":
    main()
