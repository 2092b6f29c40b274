"""What bytes look like that are not the UTF-8 text they should be: a guess, and the command that helps. Pure.

A guess goes into an error's text and nowhere else: nothing is converted on the strength of it.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
SAMPLE_BYTES = 1 << 16  # as much as a guess needs


class Guess(NamedTuple):
    """``looks`` completes "looks like ...", ``command`` reads the file it is given and prints what is wanted."""

    looks: str
    command: str | None = None


# What a file begins with, and what unpacks it.
_BEGINNINGS: tuple[tuple[bytes, Guess], ...] = (
    (b"\x1f\x8b", Guess("gzip", "gzip -dc")),
    (b"BZh91AY&SY", Guess("bzip2", "bzip2 -dc")),
    (b"\xfd7zXZ\x00", Guess("xz", "xz -dc")),
    (b"\x28\xb5\x2f\xfd", Guess("Zstandard", "zstd -dc")),
    (b"\x04\x22\x4d\x18", Guess("LZ4", "lz4 -dc")),
    (b"PK\x03\x04", Guess("a zip archive (or a document or a model in one)", "unzip -p")),
    (b"7z\xbc\xaf\x27\x1c", Guess("a 7z archive")),
    (b"Rar!\x1a\x07", Guess("a rar archive")),
    (b"%PDF-", Guess("PDF", "pdftotext")),
    (b"{\\rtf1", Guess("RTF, not plain text")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Guess("an old Office document")),
    (b"\x89PNG\r\n\x1a\n", Guess("a PNG picture")),
    (b"\xff\xd8\xff", Guess("a JPEG picture")),
    (b"GIF87a", Guess("a GIF picture")),
    (b"GIF89a", Guess("a GIF picture")),
    (b"\x7fELF", Guess("a program (ELF)")),
    (b"\xcf\xfa\xed\xfe", Guess("a program (Mach-O)")),
    (b"\xca\xfe\xba\xbe", Guess("a program (Mach-O or Java)")),
    (b"\x00asm", Guess("a program (WebAssembly)")),
    (b"SQLite format 3\x00", Guess("an SQLite database")),
    (b"PAR1", Guess("Parquet")),
    (b"ARROW1\x00\x00", Guess("Arrow")),
    (b"\x93NUMPY", Guess("a numpy array")),
    (b"\x89HDF\r\n\x1a\n", Guess("HDF5")),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_BOMS: tuple[tuple[bytes, str], ...] = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_SHIFTS = re.compile(rb"\x1b(?:\$[@AB]|\$[()][A-D]|\([BIJ]|\$\)C)")  # of ISO-2022-JP, -KR and -CN
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]|\xc0\x80")


def beginning(head: bytes) -> Guess | None:
    """What a file is by its first bytes, where no text begins so."""
    for start, guess in _BEGINNINGS:
        if head.startswith(start):
            return guess
    if _PICKLE.match(head):
        return Guess("a pickle")
    if head[257:262] == b"ustar":
        return Guess("a tar archive", "tar -xOf")
    for start, name in _BOMS:
        if head.startswith(start):
            return _encoded(name, name)
    return None


def shifts(block: bytes) -> int | None:
    """Where a 7-bit encoding changes its letters: such text is ASCII, byte by byte, and means something else."""
    found = _SHIFTS.search(block)
    return found.start() if found else None


def guess(sample: bytes) -> Guess:
    """What bytes that are no UTF-8 text may be: some around the first that is wrong."""
    return _wide(sample) or (BINARY if b"\0" in sample else _legacy(sample))


_MOST, _SOME = 0.9, 0.2  # shares
BINARY = Guess("binary data")
SEVEN_BITS = Guess("ISO-2022-JP, or another encoding of that family", "iconv -f ISO-2022-JP -t UTF-8")


def _encoded(looks: str, name: str) -> Guess:
    return Guess(looks, f"iconv -f {name} -t UTF-8")


def _wide(sample: bytes) -> Guess | None:
    """UTF-16 or UTF-32 without a mark: by where the zeros of its ASCII letters stand, or by letters that fit."""
    sample = sample[: len(sample) // 4 * 4]
    zeros = [sample[place::4].count(0) / max(len(sample) // 4, 1) for place in range(4)]
    if min(zeros[2:]) > _MOST and zeros[0] < _SOME:
        return _encoded("UTF-32 (little-endian)", "UTF-32LE")
    if min(zeros[:2]) > _MOST and zeros[3] < _SOME:
        return _encoded("UTF-32 (big-endian)", "UTF-32BE")
    low, high = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if max(low, high) > _SOME:
        little, big = high > 4 * low, low > 4 * high
    else:  # few letters are ASCII
        little, big = (_is_utf16(sample, name, spaced=low + high > 0) for name in ("UTF-16LE", "UTF-16BE"))
    if little == big:
        return None
    return (
        _encoded("UTF-16 (little-endian)", "UTF-16LE")
        if little
        else _encoded("UTF-16 (big-endian)", "UTF-16BE")
    )


def _is_utf16(sample: bytes, name: str, *, spaced: bool) -> bool:
    """By the letters of a script, or several where zeros tell of spaces and line ends; any two bytes are a letter."""
    kinds: Sequence[Callable[[str], bool]] = (_is_kana, _is_hangul, _is_cyrillic, _is_chinese)
    shares = [_share(sample, name, kind) for kind in kinds[: None if spaced else 3]]
    return shares[0] > _SOME or max(shares[1:]) > _MOST


def _legacy(sample: bytes) -> Guess:
    """An encoding of before Unicode, by the letters that come out of it."""
    if _SURROGATE.search(sample):
        return Guess("UTF-8 with surrogates (CESU-8, Java's)")
    if _mostly_utf8(sample):
        return Guess("UTF-8 with damaged bytes, which this leaves out", "iconv -c -f UTF-8 -t UTF-8")
    for looks, name, is_theirs, least in _LETTERS:
        if _share(sample, name, is_theirs) >= least:
            return _encoded(looks, name)
    return _one_byte(sample)


def _mostly_utf8(sample: bytes) -> bool:
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(letter > "\x7f" for letter in text) > 10 * wrong


def _share(sample: bytes, name: str, is_theirs: Callable[[str], bool]) -> float:
    """How many of the letters beyond ASCII are of a kind, by this encoding; 0 where it cannot decode."""
    text = sample.decode(name, "replace")
    beyond = [letter for letter in text if letter > "\x7f"]
    if not beyond or text.count("\ufffd") > 2 + len(beyond) / 100:  # a sample is cut at any byte
        return 0.0
    return sum(map(is_theirs, beyond)) / len(beyond)


def _is_kana(letter: str) -> bool:
    return "\u3041" <= letter <= "\u30fe"


def _is_hangul(letter: str) -> bool:
    return "\uac00" <= letter <= "\ud7a3"


def _is_often_used_in(name: str, leads: range) -> Callable[[str], bool]:
    """Whether a letter is in the part of a Chinese encoding that holds the frequent ones, or is its punctuation."""

    def is_often_used(letter: str) -> bool:
        code = letter.encode(name, "ignore")
        return len(code) == 2 and (code[0] in leads or code[0] in (0xA1, 0xA3))

    return is_often_used


def _is_chinese(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff" or "\u3000" <= letter <= "\u301f" or "\uff01" <= letter <= "\uff5e"


def _is_cyrillic(letter: str) -> bool:
    return "\u0400" <= letter <= "\u04ff"


_LETTERS: Sequence[tuple[str, str, Callable[[str], bool], float]] = (
    ("Shift-JIS", "SHIFT_JIS", _is_kana, 0.2),
    ("EUC-JP", "EUC-JP", _is_kana, 0.2),
    ("EUC-KR", "EUC-KR", _is_hangul, 0.9),
    ("GB18030 (GBK, GB2312)", "GB18030", _is_often_used_in("gb2312", range(0xB0, 0xD8)), 0.8),
    ("Big5", "BIG5", _is_often_used_in("big5", range(0xA4, 0xC7)), 0.8),
)


def _one_byte(sample: bytes) -> Guess:
    """Encodings of one byte a letter: whether letters beyond ASCII are some, or nearly all."""
    if sum(byte < 0x20 and byte not in b"\t\n\v\f\r" for byte in sample) * 50 > len(sample):
        return BINARY
    high = [byte for byte in sample if byte > 0x7F]
    letters = len(high) + sum(chr(byte).isalpha() for byte in sample if byte < 0x80)
    if len(high) < 8 or len(high) * 3 < letters:
        return _encoded("Latin-1 or Windows-1252", "WINDOWS-1252")
    name = "WINDOWS-1251"  # small letters from 0xE0 on, those of KOI8-R below, those of code page 866 on both sides
    if _share(sample, "CP866", _is_small_cyrillic) > _MOST:
        name = "CP866"
    elif sum(0xC0 <= byte <= 0xDF for byte in high) * 2 > len(high):
        name = "KOI8-R"
    return _encoded(f"an encoding of one byte a letter, such as {name}", name)


def _is_small_cyrillic(letter: str) -> bool:
    return "\u0430" <= letter <= "\u044f"
