import gettext
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.pairs.mo import entries
from tests.builders import PROPERTY
from tests.models.pairs.building import HEADER, catalog, mo

OPEN = ("open the file", "ouvrir le fichier été")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "UTF-8", "EUC-JP", "cp1252"])
def test_both_byte_orders_and_any_encoding_are_read(order: str, charset: str) -> None:
    header = (b"", HEADER.format(charset=charset).encode())
    content = mo([header, tuple(text.encode(charset) for text in OPEN)], order=order)
    assert entries(content) == [OPEN]


def test_the_header_is_no_entry_and_names_the_encoding_wherever_it_stands() -> None:
    header = (b"", HEADER.format(charset="latin-1").encode())
    text = (b"a summer", "un été".encode("latin-1"))
    assert entries(mo([header, text])) == entries(mo([text, header])) == [("a summer", "un été")]


def test_without_a_header_it_is_utf_8() -> None:
    assert entries(mo([(b"a", "é".encode())])) == [("a", "é")]
    assert entries(mo([])) == []


def test_context_is_taken_off_and_of_plural_forms_the_singular_is_left() -> None:
    found = entries(
        catalog(
            [
                ("menu\x04Open", "Ouvrir"),
                ("%d file\0%d files", "%d fichier\0%d fichiers"),
                ("noun\x04one test\0tests", "un test\0des tests\0beaucoup"),
            ]
        )
    )
    assert found == [("Open", "Ouvrir"), ("%d file", "%d fichier"), ("one test", "un test")]


def test_the_standard_library_reads_the_same() -> None:
    content = catalog([OPEN, ("close it", "le fermer")])
    theirs = gettext.GNUTranslations(BytesIO(content))
    assert [theirs.gettext(english) for english, _ in entries(content)] == [OPEN[1], "le fermer"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xde\x12\x04\x95",
        b"msgid 'open'\nmsgstr 'ouvrir'\n" * 4,
        mo([(b"a", b"b")], revision=2 << 16),
        mo([(b"a", b"b")])[:-4],
        mo([(b"a", b"b")])[:40],
        mo([(b"a", b"b")])[:8] + b"\xff\xff\xff\x7f" + mo([(b"a", b"b")])[12:],
        catalog([OPEN], "latin-1", said="utf-8"),
        catalog([OPEN], said="no-such-charset"),
        catalog([OPEN], said="hex"),
        catalog([OPEN], said="CHARSET"),
    ],
)
def test_what_is_no_catalog_or_is_damaged_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        entries(content)


@PROPERTY
@given(data=st.data())
def test_damage_is_a_value_error_whatever_it_is(data: st.DataObject) -> None:
    content = bytearray(catalog([OPEN, ("close the door", "fermer la porte")]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = entries(bytes(content[: data.draw(st.integers(0, len(content)))]))
    except ValueError:
        return
    assert len(found) <= 3
