"""What the readers of an export would misread: it is mended in the text where possible, else a line warns of it.

csv      spreadsheets: no mark says that it is UTF-8; where the locale has a decimal comma, 0.5 is no number
github   a runner shows ten annotations of a level and a step, and drops the others without a word
html     a browser is told UTF-8, whatever the encoding of the stream is
junit    an XML parser is told the same
"""

import codecs
import locale
import re
from collections import Counter
from collections.abc import Iterator

MOST_OF_A_LEVEL = 10
_MARKED_UP = frozenset({"html", "junit"})
_LEVEL = re.compile(r"^::(error|warning|notice) ", re.MULTILINE)


def encodable(form: str, text: str, encoding: str) -> str:
    """The text as ``encoding`` can write it; HTML and XML call themselves UTF-8, so elsewhere they become ASCII."""
    if form not in _MARKED_UP or _is_utf_8(encoding):
        return text
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def misreadings(form: str, text: str, *, encoding: str, decimal_point: str = ".") -> Iterator[str]:
    """What the reader of ``text`` would misread or drop, a line each."""
    if form == "csv":
        if not text.isascii() and _is_utf_8(encoding):
            yield (
                "this CSV is UTF-8 without a byte order mark, and not all of it is ASCII: "
                "tell a spreadsheet that it is UTF-8 when it imports it"
            )
        if decimal_point == ",":
            yield (
                "this CSV has decimal points, and commas between its cells: a spreadsheet of your locale "
                "expects decimal commas; import it as English"
            )
    if form == "github":
        found = Counter(_LEVEL.findall(text))
        many = [f"{count} {level}s" for level, count in found.items() if count > MOST_OF_A_LEVEL]
        if many:
            yield (
                f"GitHub shows the first {MOST_OF_A_LEVEL} annotations of a level in a step, here are "
                f"{', '.join(many)}: the others stand in the log only"
            )


def decimal_point() -> str:
    """The decimal point of the user's locale, which a spreadsheet on this machine uses."""
    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        locale.setlocale(locale.LC_NUMERIC, "")
        return str(locale.localeconv()["decimal_point"])
    except locale.Error:  # not installed
        return "."
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)


def _is_utf_8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
