"""What two commands must have in common to be compared, and what may drift: as ``fields`` says it of runs."""

import shlex
from collections.abc import Callable, Mapping

from pipebench.records.command import CommandRecord

HARD = ("schema.version", "kind", "metric.field", "metric.better", "command", "skip")
NEVER_PASS = frozenset({"kind", "metric.field", "metric.better"})
NAMED = tuple(name for name in HARD[1:] if name not in NEVER_PASS)
DRIFT = ("variables",)

COMPUTED: Mapping[str, Callable[[CommandRecord], str]] = {
    "command": lambda record: shlex.join(record.command),
    "variables": lambda record: ", ".join(record.variables) or "none",
}
