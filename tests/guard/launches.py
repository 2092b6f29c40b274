"""Commands that cost nothing: records of one launch each, and a script that prints what a seed says."""

import sys
from collections.abc import Sequence
from math import exp
from pathlib import Path
from random import Random

from pipebench.ab.asked import Asked
from pipebench.ab.interleaving import Effort
from pipebench.guard.commands import Measured, Side
from pipebench.guard.metric import metric_named
from pipebench.guard.session import Session
from pipebench.records.command import CommandLaunch, CommandRecord

SIDES = tuple(Side(label, "as it is", ["train"], Path()) for label in "AB")

# Its clock is a virtual one: what it prints hangs on nothing but its variables and the number of its launch.
SCRIPT = """
import json, math, os, random
counter = os.environ["COUNTER"]
with open(counter, "a") as file:
    file.write(os.environ["PIPEBENCH_SIDE"])
random.seed(open(counter).read())
launch = math.exp(random.gauss(0, float(os.environ.get("NOISE", "0.001"))))
for step in range(10):
    value = 0.1 * launch * float(os.environ.get("SLOWER", "1")) * random.gauss(1, 0.003)
    print(json.dumps({"step": step, "step_s": value, "deep": {"rate_per_s": 1 / value}}))
"""


def record(values: Sequence[float], field: str = "step_s", **changes: object) -> CommandRecord:
    """A completed record with a launch for each value."""
    given = {
        "id": "20261126-000000-command-x",
        "created": "2026-11-26T00:00:00+00:00",
        "status": "completed",
        "command": ["python", "train.py"],
        "metric": metric_named(field, higher_is_better=field.endswith("_per_s")),
        "skip": 1,
        "variables": [],
        "launches": [launched(value) for value in values],
        "warnings": [],
        "environment": {"cpu_model": "x"},
    }
    return CommandRecord(**(given | changes))  # type: ignore[arg-type]


def launched(value: float) -> CommandLaunch:
    """A launch whose values that count are all this one."""
    return CommandLaunch("2026-11-26T00:00:00+00:00", 1.0, [3 * value, value, value], 1)


class Machine:
    """A machine of this noise that slows down by ``drift`` in ``over`` launches, on which B is ``slower``."""

    def __init__(
        self, random: Random, *, log_sd: float, slower: float = 1.0, drift: float = 0.0, over: int = 12
    ) -> None:
        self.random, self.log_sd, self.slower, self.rate = random, log_sd, slower, drift / over
        self.order = ""

    def launch(self, side: Side) -> CommandRecord:
        slowed = 1 + self.rate * len(self.order)
        self.order += side.label
        factor = slowed * (self.slower if side.label == "B" else 1.0)
        return record([factor * exp(self.random.gauss(0, self.log_sd))])


def session(folder: Path, script: str = SCRIPT, **changes: object) -> Session:
    """Of a Python script whose sides differ in nothing."""
    (folder / "script.py").write_text(script)
    given = {
        "asked": (Asked(), Asked(variables=["X=1"])),
        "command": [sys.executable, str(folder / "script.py")],
        "measured": Measured(metric_named("step_s")),
        "effort": Effort(),
        "gate": None,
        "folder": folder / "kept",
    }
    return Session(**(given | changes))  # type: ignore[arg-type]
