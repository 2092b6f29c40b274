import pytest

from pipebench.models.text.unknown import unknown_words
from tests.builders import run_config


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
    tokens: str, enough: int | None, letters: float, step: str
) -> None:
    config = run_config(tokens=tokens)
    warned = unknown_words(config, 0.34, enough, letters)
    assert warned is not None
    assert warned.code == "unknown-words"
    assert warned.cause.startswith("34 % of the ")
    assert step in warned.next_step
    assert unknown_words(config, 1 / 3, enough, letters) is None
