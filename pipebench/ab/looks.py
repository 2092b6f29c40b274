"""When the verdict is looked at, and how often each look may be wrong.

Another look after more launches is another chance to be wrong, so the level is shared out among the planned looks
(Bonferroni): whichever look ends the measurement, all of them together are wrong in at most 5 % of cases. Numbers of
launches are fixed beforehand and even: A B B A leaves the two sides' mean times equal only after an even number.
"""

from collections.abc import Sequence

from pipebench.comparison.verdicts import LEVEL
from pipebench.errors import UsageError
from pipebench.statistics.power import LEAST_LAUNCHES

_NUMBERS = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
DEFAULT_MOST = 24


def planned(most: int) -> tuple[int, ...]:
    """Launches a side at each look, the last with ``most``.

    Raises:
        UsageError: ``most`` is too small for any verdict, or odd.
    """
    if most < LEAST_LAUNCHES or most % 2:
        raise UsageError(
            f"--max-launches {most}: expected an even number of at least {LEAST_LAUNCHES} launches a side"
        )
    return (*(number for number in _NUMBERS if number < most), most)


def level_of_each(looks: Sequence[int]) -> float:
    """The level of each look."""
    return LEVEL / len(looks)
