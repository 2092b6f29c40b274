"""What a word is and where a sentence ends, script by script."""

import time
import unicodedata
from random import Random

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.text import words
from pipebench.models.text.asked import TokenRule
from pipebench.models.text.words import plain, sentences, words_of
from tests.builders import PROPERTY


def of(text: str, rule: TokenRule = "words") -> list[list[str]]:
    """The sentences of a text, word by word as they are compared."""
    found = ([plain(word, rule) for word in each.words] for each in sentences([text], rule))
    return [kept for each in found if (kept := [word for word in each if word])]


def in_one(text: str, rule: TokenRule = "words") -> list[str]:
    (found,) = of(text, rule)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't l'homme 3.14 1,000 can’t foo_bar", "don't l'homme 3.14 1,000 can’t foo_bar"),
        ("e-mail a.b (x) --", "e - mail a.b ( x ) - -"),
        ("天地玄黄，宇宙", "天 地 玄 黄 ， 宇 宙"),
        ("ひらがなカタカナー漢字", "ひ ら が な カタカナー 漢 字"),
        ("สวัสดี น้ำ", "ส วั ส ดี น้ำ"),
        ("ພາສາລາວ", "ພ າ ສ າ ລ າ ວ"),
        ("ភាសា", "ភា សា"),
        ("မြန်မာ", "မြ န် မာ"),
        ("ꦲꦏ꧀ꦱꦫ", "ꦲ ꦏ꧀ꦱ ꦫ"),
        ("བོད་སྐད", "བོད ་ སྐད"),
        ("한국어 단어", "한국어 단어"),
        ("हिन्दी में क्षत्रिय", "हिन्दी में क्षत्रिय"),
        ("مَرْحَبًا بِكَ", "مَرْحَبًا بِكَ"),
        ('שָׁלוֹם צה"ל', 'שָׁלוֹם צה"ל'),
        ("İstanbul", "i̇stanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("👨‍👩‍👧‍👦👍🏽🇩🇪🇫🇷❤️", "👨‍👩‍👧‍👦 👍🏽 🇩🇪 🇫🇷 ❤️"),
        ("<unk> <s> </s> <pad> [MASK] <|end|> a<b", "<unk> <s> </s> <pad> [mask] <|end|> a < b"),
        ("<0x0A>x ⟨unk⟩ 🇩🇪🇫🇷🇮 🇮a", "<0x0a> x ⟨unk⟩ 🇩🇪 🇫🇷 🇮 🇮 a"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("co\u00adop \u200eab\u200f x\u200by \ufeffz \u200d", "coop ab x y z"),
    ],
)
def test_words_of_a_script(text: str, expected: str) -> None:
    # Greek's last sigma is another letter in the same word
    assert in_one(text) == [word.replace("οδος", "οδο\u03c2") for word in expected.split(" ")]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_that_look_the_same_are_the_same(form: str) -> None:
    text = unicodedata.normalize(form, "Ångström été が 각")
    assert in_one(text) == ["ångström", "été", "が", "각"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b. c! d? e; f", ["a b .", "c !", "d ?", "e ;", "f"]),
        ('"a." b (c.) d e.g f', ['" a . "', "b ( c . )", "d e.g f"]),
        ("天地。玄黄！？「宇宙。」洪荒｡", ["天 地 。", "玄 黄 ！ ？", "「 宇 宙 。 」", "洪 荒 ｡"]),
        ("एक। दो॥ तीन", ["एक ।", "दो ॥", "तीन"]),
        ("نعم؟ لا۔ كلا", ["نعم ؟", "لا ۔", "كلا"]),
        ("ሰላም። ዓለም", ["ሰላም ።", "ዓለም"]),
        ("Բարեւ։ Ես", ["բարեւ ։", "ես"]),
        ("ကာ။ မာ", ["ကာ ။", "မာ"]),
        ("ក។ ខ៕ គ", ["ក ។", "ខ ៕", "គ"]),
        ("བོད།དེ", ["བོད །", "དེ"]),
        ("x… y…z", ["x …", "y … z"]),
        ("« oui ! » b « non ?\u202f» (a. ) c", ["« oui ! »", "b « non ? »", "( a . )", "c"]),
        ("« Oui ! », dit-il. »Ja! »Nein.« »", ["« oui ! » , dit - il .", "» ja !", "» nein . « »"]),
        (
            "a\n\nb\r\n\r\nc\r\rd\u2029e\x0cf\u2028\u2028g\x85 \x85h\ni",
            ["a", "b", "c", "d", "e", "f", "g", "h i"],
        ),
    ],
)
def test_a_sentence_ends_as_its_script_has_it(text: str, expected: list[str]) -> None:
    assert [" ".join(each) for each in of(text)] == expected


def test_text_that_was_cut_into_tokens_stays_as_it_is() -> None:
    text = "The ▁lo@@ w. Don't <unk>\r\nÉ  É\u3000x\n\n\ny"
    assert of(text, "spaces") == [["The", "▁lo@@", "w.", "Don't", "<unk>"], ["É", "É", "x"], ["y"]]


def test_a_sentence_has_all_its_words_whatever_ends_are_in_it() -> None:
    text = "Don't stop. Go on!\u2029Now?"
    assert words_of(text, "words") == ["Don't", "stop", ".", "Go", "on", "!", "Now", "?"]
    assert words_of(text, "spaces") == ["Don't", "stop.", "Go", "on!", "Now?"]
    assert "".join(words_of(text, "characters")) == "Don'tstop.Goon!Now?"


def test_characters_are_letters_with_their_marks() -> None:
    assert of("Ab c. วั 👍🏽", "characters") == [["a", "b", "c", "."], ["วั", "👍🏽"]]


TEXT = "".join(
    f"{sentence}{end}"
    for sentence, end in zip(
        ["Don't stop", "天地玄黄", "「宇宙", "क्षत्रिय को", "été 3.14", "<unk> x", "น้ำ", "👨‍👩‍👧‍👦 🇩🇪🇫🇷"] * 3,
        [". ", "。", "！？」", "।", "\r\n\r\n", "?\n", "\n \n", "… "] * 3,
        strict=True,
    )
)


@pytest.mark.parametrize("rule", ["words", "characters", "spaces"])
@pytest.mark.parametrize("seed", range(20))
def test_it_does_not_matter_where_blocks_are_cut(rule: TokenRule, seed: int) -> None:
    random = Random(seed)
    cuts = sorted(random.choices(range(len(TEXT)), k=12))
    blocks = [TEXT[start:end] for start, end in zip([0, *cuts], [*cuts, len(TEXT)], strict=True)]
    whole = [each for each in sentences([TEXT], rule) if each.words]
    assert [each for each in sentences(blocks, rule) if each.words] == whole


@pytest.mark.parametrize("unit", ["天地玄黄宇宙洪荒，", "don't stop ", "👨‍👩‍👧‍👦🇩🇪", "abc"])
def test_a_sentence_without_an_end_comes_in_pieces_that_are_whole_words(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    blocks = [text[start : start + 50_000] for start in range(0, len(text), 50_000)]
    found = list(sentences(blocks, "words"))
    assert [each.ends for each in found[-2:]] == [False, True]
    if unit != "abc":  # no word should be so long
        whole = words._patterns("words").word.findall(text)
        assert [word for each in found for word in each.words] == whole
    assert "".join(word for each in found for word in each.words) == text.replace(" ", "")


def test_what_follows_the_last_end_of_a_part_is_left_out() -> None:
    assert [each.words for each in sentences(["a b. c"], "words", is_whole=lambda: False)] == [
        ["a", "b", "."]
    ]


def test_names_in_brackets_are_whole_characters() -> None:
    assert of("a<unk></s> [MASK]<0x0A>b", "characters") == [["a", "<unk>", "</s>", "[mask]", "<0x0a>", "b"]]


def cut(text: str, size: int = 1 << 16) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("rule", ["words", "characters"])
@pytest.mark.parametrize("flag", ["🇩🇪", "🇩\ufe0f🇪\ufe0f"])
def test_flags_in_a_row_take_no_longer_than_other_pictures(rule: TokenRule, flag: str) -> None:
    flag = flag if rule == "words" else flag.replace("\ufe0f", "")
    started = time.process_time()
    found = [word for each in sentences(cut(flag * 40_000), rule) for word in each.words]
    assert found == [flag] * 40_000
    assert time.process_time() - started < 5


@pytest.mark.parametrize("rule", ["words", "characters", "spaces"])
def test_empty_lines_are_cheap_and_a_line_ends_before_them(rule: TokenRule) -> None:
    started = time.process_time()
    text = "a" + "\n" * 1_000_000 + "b"
    found = [each for each in sentences(cut(text), rule) if each.words]
    assert found == [(["a"], True), (["b"], True)]
    assert time.process_time() - started < 5
    assert sum(1 for _ in sentences(cut(text), rule)) < 100


@PROPERTY
@given(text=st.text(max_size=40))
def test_nothing_but_what_is_not_seen_is_lost(text: str) -> None:
    found = "".join(word for each in sentences([text], "words") for word in each.words)
    assert found == "".join(letter for letter in text if not letter.isspace() or letter in "\x1c\x1d\x1e\x1f")


@PROPERTY
@given(text=st.text(alphabet="🇩🇪a\u0301\ufe0f\u200d\u0600👍ั", max_size=12))
def test_flags_are_the_characters_that_unicode_makes_of_them(text: str) -> None:
    found = [letter for each in sentences([text], "characters") for letter in each.words]
    assert found == regex.findall(r"\X", text)
