"""What a run asks of its sentence pairs. Pure."""

from typing import Protocol

from pipebench.models.text.asked import WordsAsked


class PairsAsked(WordsAsked, Protocol):
    """What a run asks of sentence pairs: their words, and where they come from."""

    @property
    def source_vocab(self) -> int:
        """How many ids source words have, the reserved ones included."""

    @property
    def source(self) -> str | None:
        """A file, parallel to ``target`` line by line."""

    @property
    def target(self) -> str | None:
        """A file, parallel to ``source``; without files and ``pairs`` this Python's language reference is used."""

    @property
    def pairs(self) -> str | None:
        """A language into which this machine's catalogs translate English, such as ``fr`` or ``pt_BR``."""

    @property
    def bucket(self) -> bool:
        """Whether pairs of similar length share a batch."""
