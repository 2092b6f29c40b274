"""The record of a side of ``guard``: launches of any command that prints what it measures. Schema version 1.

The samples are all values that the command printed, in their order. The first ``skipped`` of each launch do not count.
"""

from statistics import median
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from pipebench.records.run import RunRecord
from pipebench.records.schema import Count, Failure, Name, Positive, Schema, Stored, WarningRecord
from pipebench.records.trace import TraceRecord
from pipebench.statistics import geometric_mean

PLAIN_FIELD = r"^\w(?:[\w ./-]{0,98}[\w])?\Z"  # so that it may stand among our own words in any format
Field = Annotated[str, Meta(pattern=PLAIN_FIELD)]


def unit_of(field: str) -> Literal["s", "1/s", "bytes"] | None:
    """The unit of a metric, by how its name ends; ``None`` if that says nothing."""
    if field.endswith("_per_s"):
        return "1/s"
    return "s" if field.endswith("_s") else "bytes" if field.endswith("_bytes") else None


class CommandMetric(Stored, frozen=True):
    """The metric's key in the command's JSON lines, and which way is better; a dot leads into a nested object.

    ``unit`` follows from how the name ends, and is ``None`` where that says nothing.
    """

    field: Field
    unit: Literal["s", "1/s", "bytes"] | None
    better: Literal["higher", "lower"]


class CommandLaunch(Stored, frozen=True):
    """One start of the command: the metric's values, and how long all of it took."""

    started: str
    wall_s: Positive
    samples: list[Positive]
    skipped: Count = 0

    @property
    def counted(self) -> list[float]:
        """The values that count."""
        return self.samples[self.skipped :]

    @property
    def value(self) -> float:
        """The value of the launch: the median of the values that count."""
        return median(self.counted)


class CommandRecord(Stored, frozen=True, kw_only=True):
    """What is stored of one side of ``guard``.

    ``variables`` are the names of the variables that the side was given; their values are not kept. ``skip`` is how
    many values of each launch do not count.
    """

    schema: Schema = Schema()
    kind: Literal["command"] = "command"
    id: Name
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")]
    status: Literal["completed", "aborted", "failed"]
    command: Annotated[list[str], Meta(min_length=1)]
    metric: CommandMetric
    skip: Count
    variables: list[str]
    launches: list[CommandLaunch]
    warnings: list[WarningRecord]
    environment: dict[str, str | int | float | bool | None]
    merged_from: list[Name] | UnsetType = UNSET  # ids of the records that this one is made of
    failure: Failure | None = None

    @property
    def value(self) -> float | None:
        """The geometric mean over launches; ``None`` without any."""
        return geometric_mean([launch.value for launch in self.launches]) if self.launches else None

    def __post_init__(self) -> None:
        if self.status == "completed" and not self.launches:
            raise ValueError("a completed record needs launches")
        for number, launch in enumerate(self.launches, start=1):
            if not launch.counted:
                raise ValueError(
                    f"launch {number} needs more than the {launch.skipped} samples that do not count"
                )


Comparable = RunRecord | CommandRecord | TraceRecord
"""The records that ``compare`` and ``check`` compare: two of one kind."""


class CommandSide(Stored, frozen=True):
    """What a comparison says of a side that is a command: what ran, and which way its metric is better."""

    command: Annotated[list[str], Meta(min_length=1)]
    metric: CommandMetric
    skip: Count
