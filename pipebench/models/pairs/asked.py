"""What is asked of pairs of sentences. Pure."""

from typing import Protocol

from pipebench.models.text.asked import WordsAsked


class PairsAsked(WordsAsked, Protocol):
    """And where pairs are from."""

    @property
    def source_vocab(self) -> int:
        """Ids of source words, the reserved ones too."""

    @property
    def source(self) -> str | None:
        """A file, parallel to ``target`` line by line."""

    @property
    def target(self) -> str | None:
        """A file; with neither files nor ``pairs``, sentences of this Python's language reference."""

    @property
    def pairs(self) -> str | None:
        """A language into which this machine's catalogs translate English, such as ``fr`` or ``pt_BR``."""

    @property
    def bucket(self) -> bool:
        """Whether pairs of like length share a batch."""
