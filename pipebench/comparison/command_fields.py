"""The fields in which two commands must match to be compared, and those that may drift."""

import shlex
from collections.abc import Callable, Mapping

from pipebench.records.command import CommandRecord

# What it ran on. Older records lack these fields; a field that one side lacks is no difference.
MACHINE = (
    "environment.cpu_model",
    "environment.cpus_allowed",
    "environment.cpu_quota_cores",
    "environment.gpus",
)
HARD = ("schema.version", "kind", "metric.field", "metric.better", "command", "skip", *MACHINE)
NEVER_PASS = frozenset({"kind", "metric.field", "metric.better"})
NAMED = tuple(name for name in HARD[1:] if name not in NEVER_PASS)
DRIFT = ("variables",)


def _surrounding(name: str) -> Callable[[CommandRecord], str | None]:
    """A value of the environment block: ``none`` where there is none, ``None`` where the record does not tell."""
    key = name.removeprefix("environment.")

    def told(record: CommandRecord) -> str | None:
        if key not in record.environment:
            return None
        value = record.environment[key]
        return "none" if value is None else str(value)

    return told


COMPUTED: Mapping[str, Callable[[CommandRecord], str | None]] = {
    "command": lambda record: shlex.join(record.command),
    "variables": lambda record: ", ".join(record.variables) or "none",
    **{name: _surrounding(name) for name in MACHINE},
}
