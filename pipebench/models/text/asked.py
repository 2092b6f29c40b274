"""What is asked of a text. Pure."""

from typing import Literal, Protocol, get_args

TokenRule = Literal["words", "characters", "spaces"]
TOKEN_RULES: tuple[str, ...] = get_args(TokenRule)
RESERVED_WORDS = 3  # padding, unknown word, end of sentence


class TextAsked(Protocol):
    """The sizes of the batches, and where their words are from."""

    @property
    def batch(self) -> int:
        """Sequences of a step."""

    @property
    def sequence_length(self) -> int:
        """Words of a sequence."""

    @property
    def vocab(self) -> int:
        """Ids of words, the reserved ones too."""

    @property
    def text(self) -> str | None:
        """A file, by default the language reference of this Python."""

    @property
    def tokens(self) -> TokenRule:
        """What a word is."""

    @property
    def synthetic(self) -> bool:
        """Drawn words instead."""

    @property
    def seed(self) -> int:
        """Of drawn words."""
