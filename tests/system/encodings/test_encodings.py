import base64
import gzip
import pickle
import random
import zipfile
from array import array
from io import BytesIO

import pytest

from pipebench.system.encodings import beginning, guess, of_controls, seven_bits

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
        (RUSSIAN, "cp866", "an encoding of one byte a letter, such as CP866"),
        (RUSSIAN, "iso8859-5", "an encoding of one byte a letter, such as ISO-8859-5"),
        (RUSSIAN, "mac-cyrillic", "an encoding of one byte a letter, such as MAC-CYRILLIC"),
        ("“Who?” – ‘I’ — “you” … " * 40, "cp1252", "Latin-1 or Windows-1252"),
        ("“”‘’–—" * 40, "cp1252", "Latin-1 or Windows-1252"),
        (RUSSIAN, "utf-16-le", "UTF-16 (little-endian)"),
        (RUSSIAN, "utf-16-be", "UTF-16 (big-endian)"),
        (JAPANESE, "shift_jis", "Shift-JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (JAPANESE, "utf-16-le", "UTF-16 (little-endian)"),
        (CHINESE, "gb18030", "GB18030 (GBK, GB2312)"),
        ("我们在这里说的是一个中国的故事" * 20, "gbk", "GB18030 (GBK, GB2312)"),
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
    for text, encoding, name in (
        (JAPANESE, "iso2022_jp", "ISO-2022-JP"),
        (CHINESE, "hz", "HZ"),
        (FRENCH, "utf-7", "UTF-7"),
        (RUSSIAN, "utf-7", "UTF-7"),
        (CHINESE, "utf-7", "UTF-7"),
    ):
        found = seven_bits(b"ab " + text.encode(encoding))
        assert found is not None, (text, encoding)
        assert found[0] >= 3
        assert name in found[1].looks
    assert seven_bits(b"\x1b[31mred\x1b[0m (B $B") is None


@pytest.mark.parametrize(
    "text",
    [
        "i+foo-bar, a+b-c, x+y+z-1, abc+def-ghi; q += foo+barbaz-1; n+len-1 +name- ",
        "a~{b} \\cite~{knuth~} ~{ab~} ~{x1~} ",
        "+1234-5678 +4917-1234 +abc- +xyz/def- ",
        "push @INC, +encoding; a +local +version +release-x ",
        "f(x)+g(x)-h(x) = sin+cos-tan ",
    ],
)
def test_code_and_mathematics_are_no_7_bit_encoding(text: str) -> None:
    assert seven_bits(text.encode() * 20) is None


def test_a_base64_text_is_no_7_bit_encoding() -> None:
    assert seven_bits(base64.encodebytes(random.Random(1).randbytes(40_000))) is None


GREEK = "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. " * 10
HEBREW = "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון. " * 10
POLISH = "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw, są obdarzeni. " * 10
ARABIC = "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا. " * 10
THAI = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ " * 10
HINDI = "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। " * 10
CZECH = "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem. " * 10
TURKISH = (
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler. " * 10
)
HUNGARIAN = (
    "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, ésszel bírván, űző. "
)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GREEK, "iso8859-7"),
        (GREEK, "cp1253"),
        (HEBREW, "iso8859-8"),
        (HEBREW, "cp1255"),
        (POLISH, "iso8859-2"),
        (POLISH, "cp1250"),
        (CZECH, "iso8859-2"),
        (CZECH, "cp1250"),
        (HUNGARIAN, "iso8859-2"),
        (TURKISH, "iso8859-9"),
        (ARABIC, "cp1256"),
        (ARABIC, "iso8859-6"),
        (THAI, "tis-620"),
        ("Alla människor är födda fria och lika i värde och rättigheter. " * 9, "cp850"),
        (FRENCH, "mac-roman"),
        (FRENCH, "cp437"),
        (FRENCH, "cp500"),
    ],
)
def test_an_encoding_that_cannot_be_told_is_not_asserted(text: str, encoding: str) -> None:
    found = guess(text.encode(encoding))
    assert found.command is None, found
    assert "one byte a letter" in found.looks or found.looks == "binary data"


@pytest.mark.parametrize(
    "text",
    [THAI, HINDI, ARABIC, GREEK, HEBREW, "😀👍🎉🚀🤔 " * 20, CHINESE, KOREAN, TAIWANESE, "人們都知道" * 9],
)
@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"])
def test_wide_letters_without_a_mark_are_told_in_any_script(text: str, encoding: str) -> None:
    assert guess(text.encode(encoding)).command == f"iconv -f {encoding} -t UTF-8"


@pytest.mark.parametrize("most", [100, 1000, 50_000])
@pytest.mark.parametrize("kind", ["i", "q", "H"])
def test_numbers_are_binary(most: int, kind: str) -> None:
    source = random.Random(1)
    ids = array(kind, [min(int(source.paretovariate(0.3)), most) - 1 for _ in range(5000)])
    even = array(kind, [source.randrange(most) for _ in range(5000)])
    assert guess(ids.tobytes()).looks == guess(even.tobytes()).looks == "binary data"


def test_colours_of_a_terminal_are_told() -> None:
    assert "terminal colours" in of_controls(b"\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m\n" * 9).looks
    assert of_controls(bytes(range(1, 32)) * 9).looks == "binary data"


def test_what_is_neither_is_binary() -> None:
    source = random.Random(1)
    assert guess(source.randbytes(5000)).looks == "binary data"
    assert guess(b"a text" + bytes(5000)).looks == "binary data"


def test_damaged_utf8_is_told_from_another_encoding() -> None:
    assert "damaged" in guess("Größe, Maß und Füße ".encode() * 20 + b"\xff").looks
    assert "surrogates" in guess(b"\xed\xa0\xbd\xed\xb8\x80 smile").looks
