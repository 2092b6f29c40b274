"""What to do where a side has too few launches for any verdict: how many there are, and the command that takes more."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipebench.diagnosis import same_run
from pipebench.records.command import Comparable
from pipebench.records.run import RunRecord
from pipebench.records.schema import WarningRecord
from pipebench.records.trace import TraceRecord
from pipebench.statistics.power import LEAST_LAUNCHES
from pipebench.warning_codes import WarningCode

USUAL_LAUNCHES = 6  # what a run takes without being asked


class Sided(NamedTuple):
    """A record, and which side of a comparison it is."""

    label: str
    record: Comparable

    @property
    def launches(self) -> int:
        """How many there are."""
        return len(self.record.launches)


def of_few_launches(
    sides: Sequence[Sided], needed: int | None, *, in_turn: bool = False
) -> Iterator[WarningRecord]:
    """A warning for each way to have more launches, with the sides that lack them. Of traces ``few-runs`` says it.

    Args:
        sides: the reference and the candidate.
        needed: launches a side that would tell at this noise, if that is known.
        in_turn: whether ``ab`` or ``guard`` measures the two, and takes launches as long as its budget lasts.
    """
    ways: dict[str, list[Sided]] = {}
    for side in sides:
        if side.launches < LEAST_LAUNCHES and not isinstance(side.record, TraceRecord):
            way = _IN_TURN if in_turn else _way(side.record, max(USUAL_LAUNCHES, needed or 0))
            ways.setdefault(way, []).append(side)
    for way, lacking in ways.items():
        labels, counts = (" and ".join(words) for words in zip(*map(_told, lacking), strict=True))
        many = "launch" if counts == "1" else "launches"
        cause = f"{labels}: {counts} {many}, and a verdict needs {LEAST_LAUNCHES} a side at least"
        yield WarningRecord(WarningCode.FEW_LAUNCHES, cause, way)


_IN_TURN = "give it a larger --budget, in which more launches fit"


def _told(side: Sided) -> tuple[str, str]:
    return side.label, str(side.launches)


def _way(record: Comparable, launches: int) -> str:
    """What takes so many launches of what the record is of."""
    if not isinstance(record, RunRecord):
        return "measure again with guard and a larger --budget, in which more launches fit"
    if record.device.ranks:  # whoever started the ranks starts them again
        return "start it a few times more, and join the records: pipebench merge FOLDER"
    again = same_run.command(record, {"launches": launches})
    return f"run it again with --launches {launches}" + (f": {again}" if again is not None else "")
