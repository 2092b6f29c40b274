"""Whether all launches used the library that the record names for the products of split cells. Pure."""

from collections.abc import Sequence

from pipebench.plurals import counted
from pipebench.records.launches import Launch
from pipebench.records.schema import WarningRecord
from pipebench.warning_codes import WarningCode


def other_library(launches: Sequence[Launch]) -> WarningRecord | None:
    """A warning where a rank of a launch could not use the library that the run found.

    Args:
        launches: raw samples.
    """
    apart = [number for number, launch in enumerate(launches, 1) if launch.other_library]
    if not apart:
        return None
    of_all = counted(len(launches), "launch", "launches")
    return WarningRecord(
        code=WarningCode.OTHER_LIBRARY,
        cause=f"in {len(apart)} of {of_all} the library that the run found for the products "
        "of split cells did not work, and another one was used: launches do not repeat one measurement",
        next_step="see that torch and the memory left do not change during a run, and run again",
    )
