"""Compiled catalogs of gettext (``.mo``): what a program says in English, and how it is said in a language. Pure.

The format: seven numbers of 32 bits (a magic one, the revision, how many entries, where the table of the English texts
is, where that of the translations, and two of a hash table that is not needed here). A table has the length and the
place of each text. The translation of the empty text is a header, which names the encoding.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

_MAGIC = 0x950412DE
_HEAD = 20  # bytes of the numbers that are needed
_MOST_MAJOR = 1  # revision of the format
_CHARSET = re.compile(rb"^content-type:[^\n]*charset=([\w.:+-]+)", re.IGNORECASE | re.MULTILINE)
_CONTEXT, _PLURAL = b"\x04", b"\x00"


class Entry(NamedTuple):
    """One text and its translation; if it has several forms for numbers, the singular."""

    english: str
    translation: str


def entries(catalog: bytes) -> list[Entry]:
    """The entries of a catalog, in its order, without the header and without contexts.

    Raises:
        ValueError: The bytes are no catalog, are damaged, or cannot be decoded by the encoding that they name.
    """
    found = list(_raw(catalog))
    encoding = next((_encoding(translation) for english, translation in found if not english), "utf-8")
    try:
        return [
            Entry(_first(english).decode(encoding), _first(translation).decode(encoding))
            for english, translation in found
            if english
        ]
    except LookupError as error:  # an encoding that this Python does not know
        raise ValueError(str(error)) from None


def _raw(catalog: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each English text and its translation, as bytes."""
    for order in "<>":
        if len(catalog) >= _HEAD and struct.unpack_from(f"{order}I", catalog)[0] == _MAGIC:
            break
    else:
        raise ValueError("no catalog")
    revision, number, english, translations = struct.unpack_from(f"{order}4I", catalog, 4)
    if revision >> 16 > _MOST_MAJOR or max(english, translations) + 8 * number > len(catalog):
        raise ValueError("a damaged catalog, or one of another format")
    for place in range(0, 8 * number, 8):
        yield _text(catalog, order, english + place), _text(catalog, order, translations + place)


def _text(catalog: bytes, order: str, place: int) -> bytes:
    length, start = struct.unpack_from(f"{order}2I", catalog, place)
    if start + length > len(catalog):
        raise ValueError("a damaged catalog")
    return catalog[start : start + length]


def _encoding(header: bytes) -> str:
    """The encoding that the header names; UTF-8 if it names none."""
    found = _CHARSET.search(header)
    return found[1].decode("ascii", "replace") if found else "utf-8"


def _first(text: bytes) -> bytes:
    """The singular of a text, without its context."""
    return text.rpartition(_CONTEXT)[2].partition(_PLURAL)[0]
