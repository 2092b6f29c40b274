"""Schema version 1 of a record: what ``--json`` prints and what is stored.

All seconds and words/s are host-scale: what this host took, never multiplied by the time dilation. Types,
ranges and required fields are checked on write and on read; whether summaries agree with the raw samples
is for whoever trusts them to check. ``None`` is "unknown" or "not there", never a sentinel number. The record
of a run (``run``) is one of two types, told apart by its ``status``: only a ``CompletedRun`` promises results.

History: 1 (2026-11) first version.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

SCHEMA_NAME = "pipebench"
SCHEMA_VERSION = 1

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
AtLeastOne = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Clock = Literal["wall", "virtual", "simulated"]
Name = Annotated[str, Meta(min_length=1)]
# How a run ends that does not complete: by a signal or the deadline, or because something broke.
Ending = Literal["aborted", "failed"]


class Stored(msgspec.Struct, frozen=True):
    """Base of all that is stored: frozen; unknown fields are ignored on read."""


class Schema(Stored, frozen=True):
    """Which schema the document follows."""

    name: Literal["pipebench"] = "pipebench"
    version: Literal[1] = 1


class WarningRecord(Stored, frozen=True):
    """A doubt that travels with the record."""

    code: Name  # a WarningCode, or what another version has
    cause: str
    next_step: str


class Failure(Stored, frozen=True):
    """Why a record is not completed; ``log`` names a file beside it with what the culprit left behind."""

    exit_code: Count
    message: str
    log: str | None = None
