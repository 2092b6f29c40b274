"""A guess what bytes are that are not the UTF-8 text they should be, and the command that helps. Pure.

A guess goes into an error's text and nowhere else: nothing is converted because of it.
"""

import re
import unicodedata
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from pipebench.system.encodings import alphabets

BOM = b"\xef\xbb\xbf"
SAMPLE_BYTES = 1 << 16  # as much as a guess needs


class Guess(NamedTuple):
    """``looks`` completes "looks like ...", ``command`` reads the file it is given and prints what is wanted.

    Where no command is known to help, ``remedy`` says what may.
    """

    looks: str
    command: str | None = None
    remedy: str = "name a text in UTF-8"


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
    """What a file is, by first bytes that no text begins with; ``None`` if it has none of these."""
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


def seven_bits(block: bytes) -> tuple[int, Guess] | None:
    """Where text in a 7-bit encoding begins, and which one: byte by byte it is ASCII, but means something else."""
    found = _SHIFTS.search(block)
    if found:
        return found.start(), _ISO_2022
    sample = block[:SAMPLE_BYTES]
    for runs, of_run, known in (
        (_HZ, _hz, _encoded("HZ (GB 2312)", "HZ")),
        (_UTF7, _utf7, _encoded("UTF-7", "UTF-7")),
    ):
        texts = [(match.start(), of_run(match[1])) for match in runs.finditer(sample)]
        beyond = [(place, text) for place, text in texts if text is None or not text.isascii()]
        good = [(place, text) for place, text in beyond if text is not None and _is_written(text)]
        if _are_several({text for _, text in good}) and len(good) > _MOST * len(beyond):
            return good[0][0], known
    return None


def _are_several(runs: set[str]) -> bool:
    """Whether there are too many for an accident: most pairs of ASCII letters, as in code, can be read as Chinese."""
    return sum(max(run) < "\u2100" for run in runs) >= _SEVERAL or len(set().union(*runs)) >= _FEW_LETTERS


def _hz(run: bytes) -> str | None:
    return bytes(byte | 0x80 for byte in run).decode("gb2312", "replace")


def _utf7(run: bytes) -> str | None:
    """The letters of a run; ``None`` if it is not UTF-7."""
    bits = len(run) * 6
    if bits % 16 > 5:  # fewer bits than a sign has are left over
        return None
    number = int.from_bytes(b64decode(run + b"A" * (-len(run) % 4)), "big") >> (-len(run) % 4 * 6)
    if number & ((1 << bits % 16) - 1):
        return None
    return (number >> bits % 16).to_bytes(bits // 16 * 2, "big").decode("utf-16-be", "replace")


def _is_written(text: str) -> bool:
    """Whether nearly all letters are of a script with few letters, or are often used."""
    kinds = (_is_kana, _is_hangul, _is_frequent)
    return sum(letter < "\u2100" or any(kind(letter) for kind in kinds) for letter in text) > 0.8 * len(text)


def guess(sample: bytes) -> Guess:
    """What bytes that are not UTF-8 text may be; the sample is from around the first wrong one."""
    return _wide(sample) or (BINARY if b"\0" in sample else _legacy(sample))


def of_controls(sample: bytes) -> Guess:
    """What UTF-8 with many control characters may be."""
    if 2 * len(_ESCAPES.findall(sample)) > sum(byte < 0x20 and byte not in _WHITE for byte in sample):
        return _COLOURS
    return _wide(sample) or BINARY


_MOST, _SOME = 0.9, 0.2  # shares
BINARY = Guess("binary data")
_SEVERAL = 3
_ISO_2022 = Guess("ISO-2022-JP, or another encoding of that family", "iconv -f ISO-2022-JP -t UTF-8")
_HZ = re.compile(rb"~\{((?:[\x21-\x77][\x21-\x7e])+)~\}")
_UTF7 = re.compile(rb"\+([A-Za-z0-9+/]{3,})(?:-|(?=[^A-Za-z0-9+/=-]))")
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[@-~]")
_COLOURS = Guess("a text with terminal colours (ANSI escapes)", r"perl -pe 's/\e\[[0-9;?]*[@-~]//g'")
_ONE_BYTE = Guess(
    "an encoding of one byte a letter",
    remedy="convert it to UTF-8 with iconv, whose option -f takes the name of the encoding that it is in",
)


def _encoded(looks: str, name: str) -> Guess:
    return Guess(looks, f"iconv -f {name} -t UTF-8")


def _wide(sample: bytes) -> Guess | None:
    """UTF-16 or UTF-32 without a mark: the one whose letters belong together more than those of any other."""
    sample = sample[: len(sample) // 4 * 4]
    found = sorted((_blocks(sample.decode(name, "replace")), looks, name) for looks, name in _WIDE)
    (least, looks, name), second = found[0], found[1][0]
    return _encoded(looks, name) if least < second else None


_WIDE = tuple(
    (f"UTF-{bits} ({order}-endian)", f"UTF-{bits}{order[0].upper()}E")
    for bits in (32, 16)
    for order in ("little", "big")
)
_FEW_BLOCKS, _MANY_BLOCKS, _NO_TEXT = 6, 100, 1000


def _blocks(text: str) -> int:
    """How many blocks of 256 letters nearly all letters are in: few in most scripts; many in East Asian ones."""
    letters = Counter(text)
    wrong = sum(count for letter, count in letters.items() if _is_no_letter(letter))
    if not text or wrong > 1 + len(text) / 50:
        return _NO_TEXT
    blocks: Counter[int] = Counter()
    for letter, count in letters.items():
        blocks[ord(letter) >> 8] += count
    counts = accumulate(count for _, count in blocks.most_common())
    needed = next(number for number, count in enumerate(counts, 1) if count > _MOST * len(text))
    if needed <= _FEW_BLOCKS and _is_low(blocks.most_common(1)[0][0]):
        return needed
    beyond = [letter for letter in text if letter > "\x7f"]
    kana, hangul, frequent = (sum(map(kind, beyond)) for kind in (_is_kana, _is_hangul, _is_frequent))
    is_one = kana > _SOME * len(beyond) or hangul > _MOST * len(beyond) or frequent > 0.8 * len(beyond)
    return _MANY_BLOCKS if is_one and len(beyond) >= _FEW_LETTERS else _NO_TEXT


def _is_no_letter(letter: str) -> bool:
    return letter == "\ufffd" or (
        letter not in "\t\n\v\f\r\ufeff" and unicodedata.category(letter) in {"Cc", "Cn", "Co"}
    )


def _is_low(block: int) -> bool:
    """Whether no text of one byte a letter gives letters of a block: it would need control characters."""
    return block < 0x20 or block >= 0x100


def _legacy(sample: bytes) -> Guess:
    """An encoding from before Unicode, by the letters that come out of it."""
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
    """The share of the letters beyond ASCII that are of a kind, by this encoding; 0 where it cannot decode."""
    text = sample.decode(name, "replace")
    beyond = [letter for letter in text if letter > "\x7f"]
    if not beyond or text.count("\ufffd") > 2 + len(beyond) / 100:  # a sample is cut at any byte
        return 0.0
    return sum(map(is_theirs, beyond)) / len(beyond)


def _is_kana(letter: str) -> bool:
    return "\u3041" <= letter <= "\u30fe"


def _is_hangul(letter: str) -> bool:
    """Whether it is a Hangul letter that is often used: those of EUC-KR, a fifth of all."""
    return "\uac00" <= letter <= "\ud7a3" and len(letter.encode("euc_kr", "ignore")) == 2


def _is_often_used_in(name: str, leads: range) -> Callable[[str], bool]:
    """A test whether a letter is among the frequent ones of a Chinese encoding, or is its punctuation."""

    def is_often_used(letter: str) -> bool:
        code = letter.encode(name, "ignore")
        return len(code) == 2 and (code[0] in leads or code[0] in (0xA1, 0xA3))

    return is_often_used


_often = _is_often_used_in("gb2312", range(0xB0, 0xD8)), _is_often_used_in("big5", range(0xA4, 0xC7))


def _is_frequent(letter: str) -> bool:
    """Whether it is a Chinese letter that is often used, simplified or not."""
    return any(is_often_used(letter) for is_often_used in _often)


_LETTERS: Sequence[tuple[str, str, Callable[[str], bool], float]] = (
    ("Shift-JIS", "SHIFT_JIS", _is_kana, 0.2),
    ("EUC-JP", "EUC-JP", _is_kana, 0.2),
    ("EUC-KR", "EUC-KR", _is_hangul, 0.9),
    ("GB18030 (GBK, GB2312)", "GB18030", _is_often_used_in("gb2312", range(0xB0, 0xD8)), 0.8),
    ("Big5", "BIG5", _is_often_used_in("big5", range(0xA4, 0xC7)), 0.8),
)


def _one_byte(sample: bytes) -> Guess:
    """An encoding of one byte a letter; it is named if its letters are those of a language, as often as it has them."""
    if sum(byte < 0x20 and byte not in _WHITE for byte in sample) * 50 > len(sample):
        return BINARY
    if alphabets.is_western(sample):
        return _encoded("Latin-1 or Windows-1252", "WINDOWS-1252")
    name = alphabets.cyrillic(sample)
    return _ONE_BYTE if name is None else _encoded(f"an encoding of one byte a letter, such as {name}", name)


_WHITE = b"\t\n\v\f\r"
_FEW_LETTERS = 8
