"""What is asked of pairs of sentences. Pure."""

from typing import Protocol

from pipebench.models.text.asked import TokenRule


class PairsAsked(Protocol):
    """The sizes of the batches, and where their pairs are from."""

    @property
    def batch(self) -> int:
        """Pairs of a step."""

    @property
    def sequence_length(self) -> int:
        """Steps of the encoder, and of the decoder: words of a sentence at most, with its end in the target."""

    @property
    def vocab(self) -> int:
        """Ids of target words, the reserved ones too."""

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
    def tokens(self) -> TokenRule:
        """What a word is."""

    @property
    def bucket(self) -> bool:
        """Whether pairs of like length share a batch."""

    @property
    def seed(self) -> int:
        """Of drawn words, and of the order of pairs that are in no buckets."""

    @property
    def synthetic(self) -> bool:
        """Drawn words instead."""
