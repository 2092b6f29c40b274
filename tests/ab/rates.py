"""What many simulated pairs come to, with the looks of ``ab``: for the error rates of all that measures by turns."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from pipebench.ab import looks
from pipebench.ab.interleaving import Interleaved
from pipebench.comparison import fields, verdicts
from pipebench.comparison.compare import Rules
from tests.ab.launches import Watcher

PAIRS = 2000
NUMBERS = looks.planned(looks.DEFAULT_MOST)
RULES = Rules(level=looks.level_of_each(NUMBERS))


def only_what_verdicts_hang_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is only told costs most of a comparison; all records are of one configuration."""
    monkeypatch.setattr(verdicts, "mann_whitney", lambda *groups: 1.0)
    monkeypatch.setattr(verdicts, "_detectable", lambda *metric: None)
    monkeypatch.setattr(verdicts, "_note", lambda *verdict: None)
    monkeypatch.setattr(fields, "drift", lambda *records: [])
    monkeypatch.setattr(fields, "mismatches", lambda *records, by=None: [])


class Outcomes(Counter[str]):
    """Verdicts of simulated pairs, and the launches a side that they took."""

    launches: list[int]


def outcomes_of(sides: tuple[Any, Any], machine: Callable[..., Any], **settings: float) -> Outcomes:
    """Two thousand pairs on machines of these settings, all from one seed."""
    random, found = Random(str(settings)), Outcomes()
    found.launches = []
    for _ in range(PAIRS):
        watcher = Watcher()
        interleaved = Interleaved(sides, machine(random, **settings).launch, watcher)
        interleaved._measure(NUMBERS, 1e9, RULES)
        found[watcher.notices[-1].rpartition(" ")[2]] += 1
        found.launches.append(interleaved.launches)
    return found
