"""What a run asks of its words. Pure."""

from typing import Literal, Protocol, get_args

TokenRule = Literal["words", "characters", "spaces"]
TOKEN_RULES: tuple[str, ...] = get_args(TokenRule)
RESERVED_WORDS = 3  # padding, unknown word, end of sentence


class WordsAsked(Protocol):
    """What a run asks of its words, wherever they come from."""

    @property
    def batch(self) -> int:
        """Sequences of a step, or pairs of them."""

    @property
    def sequence_length(self) -> int:
        """Words of a sequence; for sentence pairs the most that a sentence may have, its end included."""

    @property
    def vocab(self) -> int:
        """How many ids there are for words that are predicted, the reserved ones included."""

    @property
    def tokens(self) -> TokenRule:
        """What a word is."""

    @property
    def synthetic(self) -> bool:
        """Whether words are drawn at random instead."""

    @property
    def seed(self) -> int:
        """The seed of all that is drawn."""


class TextAsked(WordsAsked, Protocol):
    """What a run asks of a text: its words, and where it comes from."""

    @property
    def text(self) -> str | None:
        """The text's file; ``None`` means the language reference of this Python."""
