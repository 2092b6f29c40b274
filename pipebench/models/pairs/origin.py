"""Where sentence pairs come from: what each origin must provide. Pure."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class SentencePair(NamedTuple):
    """Two sentences that belong together, each one as its words; a side without words makes no pair."""

    source: list[str]
    target: list[str]


class Told(NamedTuple):
    """What a record holds of an origin.

    ``text`` says in words what it is. ``sha256`` is the hash of what was read. ``bytes_read`` is how much of files was
    read, and ``whole`` says whether they have no more. ``skipped`` files could not be read.
    """

    text: str
    sha256: str
    bytes_read: int | None = None
    whole: bool = True
    skipped: int = 0


class Origin(Protocol):
    """One place where pairs come from, read once."""

    @property
    def kind(self) -> str:
        """What a record calls it."""

    @property
    def none_found(self) -> str:
        """The error's text if it has no pair at all."""

    @property
    def more(self) -> str:
        """What would bring more pairs, as in "use ..."."""

    def pairs(self) -> Iterator[SentencePair]:
        """All pairs, in an order that is the same each time.

        Raises:
            UsageError: What was asked for is not there, or cannot be read.
            EnvironmentRefusedError: This Python does not carry it.
        """

    def told(self) -> Told:
        """What a record holds of the origin; call it when all pairs were read."""
