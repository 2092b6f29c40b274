import pytest

from pipebench.reproduction.claims import (
    CLAIMS,
    PAIRS,
    PAPER_EIGHT_GPUS,
    PAPER_ONE_GPU,
    SOURCE_WORDS,
    TALK,
    TARGET_WORDS,
)


def test_every_reading_has_its_ratio_and_a_source() -> None:
    assert {reading: claim.reading for reading, claim in CLAIMS.items()} == {"talk": "talk", "paper": "paper"}
    assert CLAIMS["talk"].ratio == TALK
    assert CLAIMS["paper"].ratio == PAPER_EIGHT_GPUS / PAPER_ONE_GPU == pytest.approx(3.71, abs=0.01)
    assert all(claim.text and claim.source for claim in CLAIMS.values())


def test_the_text_says_the_paper_s_figures() -> None:
    assert f"{PAPER_ONE_GPU:,.0f}" in CLAIMS["paper"].text
    assert f"{PAPER_EIGHT_GPUS:,.0f}" in CLAIMS["paper"].text
    assert f"{TALK:g}x" in CLAIMS["talk"].text


def test_the_corpus_has_sentences_of_25_and_29_words() -> None:
    assert pytest.approx(25.33, abs=0.01) == SOURCE_WORDS / PAIRS
    assert TARGET_WORDS / PAIRS == 29
