"""What is asked of a text. Pure."""

from typing import Literal, Protocol, get_args

TokenRule = Literal["words", "characters", "spaces"]
TOKEN_RULES: tuple[str, ...] = get_args(TokenRule)
RESERVED_WORDS = 3  # padding, unknown word, end of sentence


class WordsAsked(Protocol):
    """What is asked of words, wherever they are from."""

    @property
    def batch(self) -> int:
        """Sequences of a step, or pairs of them."""

    @property
    def sequence_length(self) -> int:
        """Words of a sequence; of a sentence with its end at most."""

    @property
    def vocab(self) -> int:
        """Ids of words that are predicted, the reserved ones too."""

    @property
    def tokens(self) -> TokenRule:
        """What a word is."""

    @property
    def synthetic(self) -> bool:
        """Drawn words instead."""

    @property
    def seed(self) -> int:
        """Of all that is drawn."""


class TextAsked(WordsAsked, Protocol):
    """And where a text is from."""

    @property
    def text(self) -> str | None:
        """A file, by default the language reference of this Python."""
