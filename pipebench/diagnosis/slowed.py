"""Whether the baseline's steps took longer in the launches than in the race that chose its form. Pure."""

from collections.abc import Sequence
from statistics import median

from pipebench.config.run_config import RunConfig
from pipebench.records import summary
from pipebench.records.launches import Launch
from pipebench.records.schema import WarningRecord
from pipebench.warning_codes import WarningCode

# The baseline's step over the middle step of its race, from where on something changed. Of the 150 runs under results/
# it was within 1.08 on CPU cores and within 1.25 on GPUs, but for three on GPUs: 1.5, 1.9 and 6.0.
# It is the race's middle step and not its fastest, because GPU steps of 5 to 20 ms spread by a third.
SLOWED = 1.3


def slowed(config: RunConfig, launches: Sequence[Launch], raced_s: Sequence[float]) -> WarningRecord | None:
    """A warning where the timed baseline is far slower than it was in its race.

    Args:
        config: what ran.
        launches: raw samples.
        raced_s: seconds of each of its form's steps in the race; none where there was none.
    """
    if (
        not raced_s or config.positions_read is not None
    ):  # batches of unlike length, of which the race ran one
        return None
    times = summary.baseline_step_s(launches) / median(raced_s)
    if times < SLOWED:
        return None
    return WarningRecord(
        code=WarningCode.BASELINE_SLOWED,
        cause=f"the baseline took {times:.2f}x as long in the launches as in the race that chose it: the machine "
        "changed during the run, and the speed-up may be too high",
        next_step="run again, with nothing else on the machine",
    )
