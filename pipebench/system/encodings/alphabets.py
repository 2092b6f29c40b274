"""Encodings of one byte a letter, by the letters of the languages that were written in them."""

import re

_FEW_LETTERS = 8
_MARKS = frozenset("\xa0«»¿¡°§·©®™£€ªº\u2013\u2014\u2018\u2019“”„…•")
_INNER = re.compile(rb"(?<=[A-Za-z])[\x84\x93-\x95](?=[A-Za-z])")  # no quotation mark is within a word
_ALPHABETS = tuple(
    map(
        frozenset,
        (
            "àâæçèéêëîïôœùûüÿ",  # French
            "äöüßéèà",  # German
            "áéíóúüñ",  # Spanish
            "ãáâàçéêíóôõúü",  # Portuguese
            "àèéìîòóù",  # Italian
            "åäöæøéü",  # Nordic
            "áéíóúýðþæö",  # Icelandic
            "éëïöüèêçáóí",  # Dutch
            "àçèéíïòóúü",  # Catalan
        ),
    )
)
_CYRILLIC = ("CP866", "ISO-8859-5", "KOI8-R", "MAC-CYRILLIC", "WINDOWS-1251")  # the last one if all fit
_NOT_HEBREW = frozenset(map(chr, (*range(0x410, 0x430), 0x44C, 0x44E, 0x44F)))  # none in Hebrew encodings
_VOWELS, _CONSONANTS = (
    frozenset("\u043e\u0430\u0435\u0438"),
    frozenset("\u043d\u0442\u0441\u0440\u0432\u043b\u043a"),
)


def is_western(sample: bytes) -> bool:
    """Whether the letters that Windows-1252 makes of a sample are those of one Western language, and usual marks."""
    letters = [letter.lower() for letter in _beyond(_INNER.sub(b"\x81", sample), "WINDOWS-1252")]
    return any(
        sum(letter in _MARKS or letter in alphabet for letter in letters) > 0.95 * len(letters)
        for alphabet in _ALPHABETS
    )


def cyrillic(sample: bytes) -> str | None:
    """The encoding that makes frequent letters of Cyrillic languages of a sample; ``None`` if none does."""
    support, name = max((_as_russian(sample, name), name) for name in _CYRILLIC)
    return name if support[0] > 0.5 else None


def _beyond(sample: bytes, name: str) -> list[str]:
    """The letters that are not ASCII."""
    return [letter for letter in sample.decode(name, "replace") if letter > "\x7f"]


def _as_russian(sample: bytes, name: str) -> tuple[float, float]:
    """Shares of letters: of the frequent small ones of Cyrillic languages, and of all theirs; 0 if some are missing."""
    letters = _beyond(sample, name)
    vowels, theirs, frequent = (
        sum(map(kind.__contains__, letters)) for kind in (_VOWELS, _NOT_HEBREW, _VOWELS | _CONSONANTS)
    )
    if len(letters) < _FEW_LETTERS or vowels < 0.22 * len(letters) or theirs < 0.01 * len(letters):
        return 0.0, 0.0
    return frequent / len(letters), sum("\u0410" <= letter <= "\u044f" for letter in letters) / len(letters)
