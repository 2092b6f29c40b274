"""The record of a saved baseline: a run under a name, why it is one, and what it replaced. Schema version 1."""

from typing import Annotated, Literal

from msgspec import Meta

from pipebench.records.run import CompletedRun
from pipebench.records.schema import Name, Schema, Stored

BaselineName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Replaced(Stored, frozen=True):
    """A run that was the baseline before."""

    id: Name
    saved: str
    reason: str


class BaselineRecord(Stored, frozen=True, kw_only=True):
    """A completed run that others are held against; ``key`` is what they must have in common with it.

    ``sha256`` is that of all other fields as they were saved, as JSON with sorted keys and without white space.
    """

    schema: Schema = Schema()
    kind: Literal["baseline"] = "baseline"
    name: BaselineName
    saved: str
    reason: Name
    key: dict[str, str | None]
    record: CompletedRun
    replaced: list[Replaced]
    sha256: str
