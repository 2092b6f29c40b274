import pytest

from pipebench.models.text.asked import TokenRule
from pipebench.models.text.unknown import Ids, rounded, unknown_words


@pytest.mark.parametrize(
    ("tokens", "enough", "letters", "step"),
    [
        ("words", 1200, 0.0, "--vocab 1200"),
        ("words", 500_000, 0.0, "--tokens characters"),
        ("spaces", 500_000, 0.1, "--tokens characters"),
        ("spaces", 1200, 0.0, "--vocab 1200"),
        ("characters", 500_000, 0.34, "--vocab 500000"),
        ("words", None, 0.0, "rare words were not replaced"),
        ("words", 500_000, 0.33, "a larger --vocab: --vocab 500000"),  # words are letters already
        ("spaces", 500_000, 0.33, "a larger --vocab: --vocab 500000"),
    ],
)
def test_more_than_a_third_of_unknown_words_is_warned_of(
    tokens: TokenRule, enough: int | None, letters: float, step: str
) -> None:
    warned = unknown_words(tokens, Ids(200), 0.34, enough, letters)
    assert warned is not None
    assert warned.code == "unknown-words"
    assert warned.cause.startswith("34 % of the ")
    assert step in warned.next_step
    assert unknown_words(tokens, Ids(200), 1 / 3, enough, letters) is None


def test_a_side_is_named_with_the_option_that_gives_it_more_ids() -> None:
    warned = unknown_words("words", Ids(100, "--source-vocab", "source"), 0.5, 900, 0.5)
    assert warned is not None
    assert warned.cause == "50 % of the source words have no id among 100: to the model they are all one word"
    assert warned.next_step == "use a larger --source-vocab: --source-vocab 900 leaves a quarter of them"


@pytest.mark.parametrize(
    ("size", "suggested"), [(7, 7), (10, 10), (99, 99), (101, 110), (1234, 1300), (50_000, 50_000)]
)
def test_a_suggested_size_has_two_digits(size: int, suggested: int) -> None:
    assert rounded(size) == suggested
