"""A comparison in a terminal, a pipe or a log."""

from collections.abc import Iterator
from itertools import chain, groupby, repeat

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pipebench.records.comparison import ComparisonRecord, Verdict
from pipebench.render.commands import unbroken
from pipebench.render.comparison.document import Cell, Facts, Grid, document
from pipebench.render.comparison.words import ASCII_SYMBOLS, Typed
from pipebench.render.inert import inert
from pipebench.render.layout import Facts as FactsShown
from pipebench.render.layout import Table
from pipebench.render.tables import needs_ascii, spaced

_STYLES: dict[Verdict, str] = {
    "improvement": "green",
    "same": "green",
    "regression": "bold red",
    "inconclusive": "yellow",
    "incomparable": "magenta",
    "missing": "magenta",
}


def comparison_report(record: ComparisonRecord, console: Console) -> Group:
    """The whole comparison, as wide as the console."""
    plain = needs_ascii(console)
    blocks = [block for block in document(record) if block.rows]
    parts: list[RenderableType] = [
        _facts(block, plain=plain) if isinstance(block, Facts) else _grid(block, plain=plain)
        for block in blocks
    ]
    return Group(*spaced(parts))


def _facts(block: Facts, *, plain: bool) -> FactsShown:
    return FactsShown(*(row for name, cell in block.rows for row in _rows(name, cell, plain=plain)))


def _rows(name: str, cell: Cell, *, plain: bool) -> Iterator[tuple[str, Text]]:
    """A fact; each command in it has a line of its own."""
    if not any(isinstance(part, Typed) for part in cell.parts):
        yield name, _text(cell, plain=plain)
        return
    names = chain([name], repeat(""))
    for typed, parts in groupby(cell.parts, key=lambda part: isinstance(part, Typed)):
        found = [*parts]
        if typed:
            yield from ((next(names), unbroken(command)) for command in found)
        elif words := "".join(found).strip("; "):
            yield next(names), _text(Cell((words,), cell.verdict), plain=plain)


def _grid(block: Grid, *, plain: bool) -> Table:
    table = Table(*block.headers, left=block.left, words_last=True, names=block.left)
    for row in block.rows:
        table.add(*(_text(cell, plain=plain) for cell in row))
    return table


def _text(cell: Cell, *, plain: bool) -> Text:
    """The text of a cell, which is inert, whoever wrote the record."""
    words = inert("".join(cell.parts))
    if plain:
        words = "".join(ASCII_SYMBOLS.get(letter, letter) for letter in words)
    return Text(words, style=_STYLES[cell.verdict] if cell.verdict else "")
