"""Equal launches of one configuration: the noise of this machine, kept for comparisons to come.

Each launch is a run of its own, as in an ``ab``, so that the race of the baseline's forms is part of the noise.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf

from pipebench.ab.sides import Side, check, check_options, launch
from pipebench.comparison.calibration import noise_of
from pipebench.comparison.merging import check_alike, merged
from pipebench.comparison.noise_cache import Noise
from pipebench.errors import UsageError
from pipebench.records.run import CompletedRun
from pipebench.run.devices import check_system
from pipebench.run.listener import Doing, Listener
from pipebench.system.places import temporary_folder
from pipebench.system.supervision import supervised

_LEAST = 4


def calibrate(options: Sequence[str], launches: int, listener: Listener) -> tuple[Noise, bool]:
    """Measure a configuration's noise; return also whether another run measured beside it: then it is not to be kept.

    Raises:
        PipebenchError: The options are wrong, or a launch failed.
    """
    if launches < _LEAST:
        raise UsageError(f"--launches {launches}: expected at least {_LEAST} to tell how far they spread")
    check_system("calibrate")
    check_options(options)
    side = Side("A", "this configuration", options=tuple(options))
    with supervised(inf, lambda doing: listener.progress(Doing(doing), 0.0)) as phase:
        phase("checking the options")
        check(side)
    with temporary_folder() as place:
        return measured(partial(launch, side, place), launches, listener)


def measured(one_launch: Callable[[], CompletedRun], launches: int, listener: Listener) -> tuple[Noise, bool]:
    """The noise of so many launches, and whether another run measured beside one of them."""
    records: list[CompletedRun] = []
    for number in range(launches):
        listener.progress(Doing(f"launch {number + 1} of {launches}"), number / launches)
        record = one_launch()
        check_alike(records, record, "A")
        records.append(record)
    beside = any(record.environment.get("another_run_beside") for record in records)
    return noise_of(merged(records, "A")), beside
