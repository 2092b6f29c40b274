r"""What a word is and where a sentence ends, in any script. Imports no torch.

``words``: the word boundaries of Unicode (UAX 29), so ``don't`` and ``3.14`` are one word, ``e-mail`` is three, and a
punctuation mark is one. Where a script is written without spaces and words cannot be told without a dictionary (Han,
Hiragana, Thai, Lao, Khmer, Burmese, Javanese ...) each letter is a word; a run of Katakana is one. A letter keeps its
marks, and a picture its parts. Names in brackets that stand for a word (``<unk>``, ``</s>``, ``<|end|>``, ``[MASK]``,
``<0x0A>``) are whole. Words are compared in lower case and in Unicode's form NFC: forms that look the same are the same
word. NFKC would go further, and make other words of some (``½`` would be three).

``characters``: each letter with its marks (a grapheme cluster), compared likewise; the names in brackets are whole.

``spaces``: what stands between spaces, as it stands: for a text that was cut into tokens before. A line is a sentence.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from pipebench.models.text.asked import TokenRule

_MOST_LETTERS = 1 << 16  # of a sentence that are held back until it ends
_LOOK_AHEAD = 1 << 8  # letters behind a word that tell where it ends

_NEWLINE = r"(?>\r\n|[\n\r\v\f\x85\u2028\u2029])"
_LINE_END = rf"{_NEWLINE} \s*+"  # with the empty lines behind it
_SPACE = r"[\t\p{Zs}]"
_CLOSING = r"\p{Pe}\p{Pf}"
# The full stop of Tibetan is no terminal to Unicode; colons and semicolons end a piece in every script.
_STOP = r"[[\p{Sentence_Terminal}\uff1a\uff1b\u061b\u0f0d\u0f0e]--[.!?]]"
_SENTENCE_END = rf"""
    {_STOP} [[\p{{Sentence_Terminal}}{_CLOSING}]]*+
  | [.!?:;\u2026\u037e] [{_CLOSING}"']*+ (?=\s) (?!{_SPACE}++[{_CLOSING}]++,)
    (?:{_SPACE}++ [{_CLOSING}]++ (?=\s|\Z|[\p{{P}}]))*+ {_SPACE}*+
  | {_NEWLINE} \s* {_NEWLINE}
  | [\f\u2029]
"""
_SPECIAL = r"</?[A-Za-z_][\w-]*>|<0x[0-9A-F]{2}>|<\|[\w-]+\|>|\[[A-Z][A-Z_]+\d*\]|\u27e8[A-Za-z]+\u27e9"
# Scripts that Unicode breaks between syllables (UAX 14), though its words (UAX 29) know nothing of them.
_SYLLABLE = r"[\p{Line_Break=AK}\p{Line_Break=AS}]"
# A flag is two letters of its own kind. Without this pattern, all such letters before one decide where it begins.
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_JOINED = r"[\p{Word_Break=Extend}\p{Word_Break=Format}\p{Word_Break=ZWJ}]"
_FLAG = rf"\p{{Regional_Indicator}}{_JOINED}*+(?:\p{{Regional_Indicator}}{_JOINED}*+)?+"
_WORD = rf"""
    {_SPECIAL}
  | {_FLAG}
  | [\p{{Word_Break=ALetter}}--{_SYLLABLE}]++ \b (?!\p{{M}})
  | (?!\s)\X (?:\B(?!{_SYLLABLE})\X)*+
"""
_MARKS = (
    r"[\p{Grapheme_Cluster_Break=Extend}\p{Grapheme_Cluster_Break=ZWJ}\p{Grapheme_Cluster_Break=SpacingMark}]"
)
_CHARACTER = rf"{_SPECIAL} | \p{{Regional_Indicator}}{{1,2}}+{_MARKS}*+ | (?!\s)\X"
# Hyphens that are not seen, marks of direction and order; not the joiners, which shape letters, nor the parts of flags.
_UNSEEN = r"[\p{Cc}[[\p{Cf}&&\p{Default_Ignorable_Code_Point}]--[\u200c\u200d\U000e0020-\U000e007f]]]"
_JOINERS = "\u200c\u200d"
_PICTURE = "\ufe0f"
_UNKNOWN = frozenset({"<unk>", "[unk]", "\u27e8unk\u27e9"})


class Sentence(NamedTuple):
    """Words in a row; ``ends`` is false where the sentence goes on in the next piece."""

    words: list[str]
    ends: bool


class _Patterns(NamedTuple):
    """A rule's patterns: for the end of a sentence, and for the words in it."""

    end: Any
    word: Any


@cache
def _patterns(rule: TokenRule) -> _Patterns:
    import regex  # noqa: PLC0415 - 10 ms that only a text needs

    flags = regex.VERBOSE | regex.WORD | regex.V1
    end = _LINE_END if rule == "spaces" else _SENTENCE_END
    word = {"words": _WORD, "characters": _CHARACTER, "spaces": r"\S+"}[rule]
    return _Patterns(regex.compile(end, flags), regex.compile(word, flags))


@cache
def _unseen() -> Any:
    import regex  # noqa: PLC0415 - as above

    return regex.compile(_UNSEEN, regex.V1)


def sentences(
    blocks: Iterable[str], rule: TokenRule, *, is_whole: Callable[[], bool] = lambda: True
) -> Iterator[Sentence]:
    """The sentences of a text that comes in blocks, however these are cut; a very long one comes in pieces.

    Args:
        blocks: the text.
        rule: what a word is.
        is_whole: called after the last block; tells whether the text ends there. If not, what follows the last end of a
            sentence is left out.
    """
    end, word = _patterns(rule)
    rest = ""
    for block in blocks:
        rest += block
        start = marks = 0
        for match in end.finditer(rest):
            if match.end() < len(rest):  # else what comes next may belong to the end
                yield Sentence(word.findall(rest, start, match.end()), ends=True)
                start = match.end()
            else:
                marks = match.end() - match.start()
        rest = rest[start:]
        if len(rest) > _MOST_LETTERS and marks > _LOOK_AHEAD:  # thousands of empty lines
            yield Sentence(word.findall(rest), ends=True)
            rest = ""
        elif len(rest) > _MOST_LETTERS:
            cut = _cut(rest, word)
            yield Sentence(word.findall(rest, 0, cut), ends=False)
            rest = rest[cut:]
    if is_whole():
        yield Sentence(word.findall(rest), ends=True)


def _cut(text: str, word: Any) -> int:
    """A place near the end of a text where a word begins; the end itself if the last word is far too long."""
    last = len(text) - _LOOK_AHEAD
    first = len(
        text[: last - 16 * _LOOK_AHEAD].rstrip(_FLAG_LETTERS + _JOINERS + _PICTURE)
    )  # no half of a flag
    starts = [match.start() for match in word.finditer(text, first)]
    starts = [start for start in starts[1:] if start <= last]  # the first may be the end of a word
    return starts[-1] if starts else len(text)


def plain(word: str, rule: TokenRule) -> str:
    """The word as it is compared with others; empty if nothing of it can be seen."""
    if rule == "spaces":
        return word.strip("\ufeff")
    if word.isascii() and word.isprintable():
        return word.lower()
    seen: str = _unseen().sub("", word)
    return unicodedata.normalize("NFC", seen.lower()) if seen.strip(_JOINERS) else ""


def words_of(sentence: str, rule: TokenRule) -> list[str]:
    """The words of one sentence, whatever marks are in it."""
    found: list[str] = _patterns(rule).word.findall(sentence)
    return found


def letters(word: str) -> list[str]:
    """The words that a word is cut into by the rule ``characters``."""
    return words_of(word, "characters")


def is_unknown(word: str) -> bool:
    """Whether a word only stands for an unknown one: whoever made the text has replaced a rare word."""
    return word.lower() in _UNKNOWN
