r"""Tables, facts and paragraphs that fit the console without cutting a word.

    a table                  the same, folded: a paragraph a row
    metric   value verdict   words/s
    words/s  1,234 ? ...     value: 1,234
                             verdict: ? inconclusive

A table folds on a console narrower than 72 columns, and wherever it would have to cut a name, a figure or a word.
A word that is wider than the console (a record's id, a path) stays whole on a line of its own, and can be copied.
So does a text that must not wrap, such as a command.
Letters that the console's encoding cannot show are written out first, as in ``\xe9``, because that changes the width.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group
from rich.text import Text

from pipebench.render.inert import inert

NARROW = 72
_GAP = 2
_INDENT = 2
_WORD = re.compile(r"\s*(\S+)\s*")


class Words:
    """A paragraph that breaks between words; its further lines begin ``indent`` columns to the right."""

    def __init__(self, text: str | Text, *, indent: int = 0) -> None:
        self.text, self.indent = text if isinstance(text, Text) else Text(inert(text)), indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield from _lines(seen(self.text, console), options.max_width, self.indent)


class Facts:
    """Names on the left, their values in a column on the right; on a narrow console each value follows its name."""

    def __init__(self, *rows: tuple[str, str | Text]) -> None:
        self.rows = [(name, value if isinstance(value, Text) else Text(inert(value))) for name, value in rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        rows = [(seen(Text(inert(name), "dim"), console), seen(value, console)) for name, value in self.rows]
        width = options.max_width
        column = max(name.cell_len for name, _ in rows) + _GAP
        aligned = width >= NARROW and column <= width // 2
        for name, value in rows:
            if value.no_wrap and name.plain and not aligned:
                yield _whole(name)
                yield _whole(value)
                continue
            room = column - name.cell_len if aligned else _GAP
            text = Text.assemble(name, " " * room, value, no_wrap=value.no_wrap)
            yield from _lines(text, width, column if aligned else _INDENT)


class _Row(NamedTuple):
    cells: tuple[Text, ...]
    titled: bool  # whether the columns' headers say what its figures are
    apart: bool = False  # whether its first cell has a line to itself, and the others stand below


class Table:
    """A table without lines.

    Args:
        headers: one for each column.
        left: how many first columns are left-aligned words, which may wrap; the others are figures.
        words_last: whether the last column is words too.
        names: how many first columns name a row. An empty cell there repeats the one above.
    """

    def __init__(self, *headers: str, left: int = 1, words_last: bool = False, names: int = 1) -> None:
        self.headers, self.names = headers, names
        last = len(headers) - 1
        self.of_words = [n < left or (words_last and n == last) for n in range(len(headers))]
        self.rows: list[_Row] = []

    def add(self, *cells: str | Text, titled: bool = True, apart: bool = False) -> None:
        """Add a row. In a folded table each cell follows its column's header, unless it is not ``titled``.

        A row that stands ``apart`` is too wide for the columns: all its cells but the first stand on the next line.
        It makes no column wider.
        """
        texts = (cell if isinstance(cell, Text) else Text(inert(cell)) for cell in cells)
        self.rows.append(_Row(tuple(texts), titled, apart))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        rows = [row._replace(cells=tuple(seen(cell, console) for cell in row.cells)) for row in self.rows]
        head = tuple(Text(header, "bold") for header in self.headers)
        widths = self._widths([head, *_that_set_widths(rows)], options.max_width)
        if widths is None:
            yield from self._folded(rows, options.max_width)
            return
        yield from self._side_by_side(head, widths)
        for row in rows:
            if row.apart:
                yield from _below(row.cells, widths, options.max_width)
            else:
                yield from self._side_by_side(row.cells, widths)

    def _widths(self, lines: Sequence[Sequence[Text]], width: int) -> list[int] | None:
        """Each column's width; ``None`` if the table must fold. The widest that may wrap shrinks first, names last."""
        columns = list(zip(*lines, strict=True))
        widths = [max(cell.cell_len for cell in column) for column in columns]
        least = [
            max(map(_longest_word, column)) if words else whole
            for column, words, whole in zip(columns, self.of_words, widths, strict=True)
        ]
        room = width - _GAP * (len(columns) - 1)
        if width < NARROW or sum(least) > room:
            return None
        while sum(widths) > room:
            giving = [n for n in range(len(widths)) if widths[n] > least[n]]
            widths[max(giving, key=lambda n: (n >= self.names, widths[n]))] -= 1
        return widths

    def _side_by_side(self, cells: Sequence[Text], widths: Sequence[int]) -> Iterator[Text]:
        wrapped = [list(_wrapped(cell, width)) for cell, width in zip(cells, widths, strict=True)]
        for number in range(max(map(len, wrapped))):
            line = Text()
            for column, (parts, width) in enumerate(zip(wrapped, widths, strict=True)):
                part = parts[number] if number < len(parts) else Text()
                padding = " " * (width - part.cell_len)
                line.append_text(
                    Text.assemble(part, padding) if self.of_words[column] else Text.assemble(padding, part)
                )
                line.append(" " * _GAP)
            line.rstrip()
            yield _whole(line)

    def _folded(self, rows: Sequence[_Row], width: int) -> Iterator[Text]:
        above = [Text()] * self.names
        for number, row in enumerate(rows):
            if number:
                yield _whole(Text())
            above = [
                cell if cell.plain else before
                for cell, before in zip(row.cells[: self.names], above, strict=True)
            ]
            yield from _lines(self._name(above), width, _INDENT)
            for header, cell in list(zip(self.headers, row.cells, strict=True))[self.names :]:
                if cell.plain.strip():
                    title = f"{header}: " if header and row.titled else ""
                    yield from _lines(Text.assemble(title, cell), width, _INDENT)

    def _name(self, cells: Sequence[Text]) -> Text:
        """The words that name a row; a number has its column's header before it."""
        first = cells[0].plain
        number = f"{self.headers[0]} " if first.isdecimal() else ""
        name = Text.assemble(number, Text(": ").join(cell for cell in cells if cell.plain))
        name.stylize("bold")
        return name


def _that_set_widths(rows: Sequence[_Row]) -> Iterator[Sequence[Text]]:
    """The rows that columns are as wide as: those that do not stand apart; if all do, what stands below."""
    within = [row.cells for row in rows if not row.apart]
    yield from within or ((Text(), *row.cells[1:]) for row in rows)


def _below(cells: Sequence[Text], widths: Sequence[int], width: int) -> Iterator[Text]:
    """A row's first cell, and below it the others in their columns, or as far to the left as they must."""
    yield _whole(cells[0])
    line = Text()
    for cell, column in zip(cells[1:], widths[1:], strict=True):
        line.append_text(Text.assemble(cell, " " * (max(column - cell.cell_len, 0) + _GAP)))
    line.rstrip()
    room = max(min(widths[0] + _GAP, width - line.cell_len), _INDENT)
    yield from _lines(Text.assemble(" " * room, line), width, _INDENT)


def lines(texts: Iterable[str]) -> Group:
    """Paragraphs without a line between them."""
    return Group(*(Words(text, indent=_INDENT) for text in texts))


def fitting(console: Console, room: int, forms: Sequence[str]) -> str:
    """The first of several forms of a line that is no wider than ``room``; if none is, the last, which wraps."""
    return next((form for form in forms if seen(Text(inert(form)), console).cell_len <= room), forms[-1])


def seen(text: Text, console: Console) -> Text:
    """The text with what the console's encoding cannot show written out."""
    encoding = console.encoding
    if _written_out(text.plain, encoding) == text.plain:
        return text
    result = text.blank_copy()
    for letter in text.divide(range(1, len(text.plain))):
        letter.plain = _written_out(letter.plain, encoding)
        result.append_text(letter)
    return result


def _written_out(text: str, encoding: str) -> str:
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _lines(text: Text, width: int, indent: int) -> Iterator[Text]:
    """The text's lines; all but the first are indented, unless that would make one too wide."""
    if text.no_wrap:
        yield _whole(text)
        return
    for number, line in enumerate(_wrapped(text, width, width - indent)):
        fits = number and line.cell_len + indent <= width
        yield _whole(Text.assemble(" " * indent, line) if fits else line)


def _wrapped(text: Text, width: int, later: int | None = None) -> Iterator[Text]:
    """Lines of whole words, no wider than ``width``, the second and further ones no wider than ``later``."""
    start, room = 0, width
    for word in _WORD.finditer(text.plain):
        begin = word.start() if word.start() == 0 else word.start(1)
        if begin > start and cell_len(text.plain[start : word.end(1)]) > room:
            yield _part(text, start, begin)
            start, room = begin, width if later is None else later
    yield _part(text, start, len(text.plain))


def _part(text: Text, start: int, end: int) -> Text:
    part = text[start:end]
    part.rstrip()
    return part


def _longest_word(text: Text) -> int:
    return max(map(cell_len, text.plain.split()), default=0)


def _whole(line: Text) -> Text:
    """A line that rich leaves as it is, however wide."""
    line.no_wrap, line.overflow = True, "ignore"
    return line
