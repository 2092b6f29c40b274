import gzip
import pickle
import random
import zipfile
from io import BytesIO

import pytest

from pipebench.encodings import beginning, guess, shifts

FRENCH = "Les élèves français ont été très étonnés à l'école. " * 20
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему. " * 10
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 10
CHINESE = "天地玄黄，宇宙洪荒。我们在这里说的是一个中国的故事，人们都知道。" * 10
TAIWANESE = "我們在這裡說的是一個中國的故事，人們都知道。" * 10
KOREAN = "모든 국민은 법 앞에 평등하다. 누구든지 차별을 받지 아니한다. " * 10


@pytest.mark.parametrize(
    ("text", "encoding", "looks"),
    [
        (FRENCH, "latin-1", "Latin-1 or Windows-1252"),
        (FRENCH, "cp1252", "Latin-1 or Windows-1252"),
        ("“Well”, he said. " * 50, "cp1252", "Latin-1 or Windows-1252"),
        (FRENCH, "utf-16", "UTF-16"),
        (FRENCH, "utf-16-le", "UTF-16 (little-endian)"),
        (FRENCH, "utf-16-be", "UTF-16 (big-endian)"),
        (FRENCH, "utf-32", "UTF-32"),
        (FRENCH, "utf-32-le", "UTF-32 (little-endian)"),
        (FRENCH, "utf-32-be", "UTF-32 (big-endian)"),
        (RUSSIAN, "cp1251", "an encoding of one byte a letter, such as WINDOWS-1251"),
        (RUSSIAN, "koi8-r", "an encoding of one byte a letter, such as KOI8-R"),
        (RUSSIAN, "utf-16-le", "UTF-16 (little-endian)"),
        (RUSSIAN, "utf-16-be", "UTF-16 (big-endian)"),
        (JAPANESE, "shift_jis", "Shift-JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (JAPANESE, "utf-16-le", "UTF-16 (little-endian)"),
        (CHINESE, "gb18030", "GB18030 (GBK, GB2312)"),
        (CHINESE, "utf-16-be", "UTF-16 (big-endian)"),
        (TAIWANESE, "big5", "Big5"),
        (KOREAN, "euc_kr", "EUC-KR"),
        (KOREAN, "utf-16-le", "UTF-16 (little-endian)"),
    ],
)
def test_other_encodings_are_guessed_and_the_command_s_name_is_theirs(
    text: str, encoding: str, looks: str
) -> None:
    document = text.encode(encoding)
    found = beginning(document) or guess(document)
    assert found.looks == looks
    assert found.command is not None
    name = found.command.split()[2]
    assert document.decode(name).removeprefix("\ufeff") == text  # Python knows iconv's names


def test_files_that_are_no_text_are_known_by_their_beginning() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("a.txt", "text")
    for document, looks in (
        (gzip.compress(b"text"), "gzip"),
        (packed.getvalue(), "zip"),
        (pickle.dumps([1]), "pickle"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x7fELF\x02", "ELF"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"\x28\xb5\x2f\xfd\x04", "Zstandard"),
    ):
        known = beginning(document)
        assert known is not None
        assert looks in known.looks


@pytest.mark.parametrize(
    "text", ["", "MZ is no program", "BZh is no archive", "PK", "{\n", "Text", "# x", "ÿþ"]
)
def test_text_begins_as_nothing_else(text: str) -> None:
    assert beginning(text.encode()) is None


def test_7_bit_encodings_are_seen_though_they_are_ascii() -> None:
    assert shifts("私は".encode("iso2022_jp")) == 0
    assert shifts(b"ab " + "私は".encode("iso2022_jp")) == 3
    assert shifts(b"\x1b[31mred\x1b[0m (B $B") is None


def test_what_is_neither_is_binary() -> None:
    source = random.Random(1)
    assert guess(source.randbytes(5000)).looks == "binary data"
    assert guess(b"a text" + bytes(5000)).looks == "binary data"


def test_damaged_utf8_is_told_from_another_encoding() -> None:
    assert "damaged" in guess("Größe, Maß und Füße ".encode() * 20 + b"\xff").looks
    assert "surrogates" in guess(b"\xed\xa0\xbd\xed\xb8\x80 smile").looks
