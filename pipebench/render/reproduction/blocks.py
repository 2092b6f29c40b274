"""The blocks of a report, for a terminal and for Markdown: paragraphs, facts, and tables under a title."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Group
from rich.text import Text

from pipebench.render.commands import rows
from pipebench.render.comparison.markdown import escaped, in_table
from pipebench.render.inert import inert
from pipebench.render.layout import Facts as FactsShown
from pipebench.render.layout import Table, Words, lines


class Paragraph(NamedTuple):
    """A sentence or several."""

    text: str


class Facts(NamedTuple):
    """Rows of a name, and of what is said of it."""

    rows: Sequence[tuple[str, str]]


class Listed(NamedTuple):
    """Remarks under a title."""

    title: str
    texts: Sequence[str]


class Grid(NamedTuple):
    """A table under its title; its first ``left`` columns, and the last one if ``words_last``, are words."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1
    words_last: bool = False
    names: int = 1


Block = Paragraph | Facts | Listed | Grid


def shown(block: Block) -> Words | FactsShown | Group:
    """The block for a terminal, a pipe or a log."""
    match block:
        case Paragraph():
            return Words(block.text)
        case Facts():
            return FactsShown(*(row for name, text in block.rows for row in rows(name, text)))
        case Listed():
            return Group(_title(block.title), lines(block.texts))
        case Grid():
            table = Table(*block.headers, left=block.left, words_last=block.words_last, names=block.names)
            for row in block.rows:
                table.add(*row)
            return Group(_title(block.title), table)


def _title(text: str) -> Words:
    return Words(Text(inert(text), "bold"))


def in_markdown(block: Block) -> str:
    """The block as Markdown, for a README, a pull request, a job's summary."""
    match block:
        case Paragraph():
            return _safe(block.text)
        case Facts():
            return "\n".join(f"- **{_safe(name)}** {_safe(text)}" for name, text in block.rows)
        case Listed():
            return "\n".join([f"**{_safe(block.title)}**", "", *(f"- {_safe(text)}" for text in block.texts)])
        case Grid():
            return "\n".join([f"**{_safe(block.title)}**", "", *_grid(block)])


def _grid(block: Grid) -> list[str]:
    last = len(block.headers) - 1
    rule = [
        ":---" if n < block.left or (block.words_last and n == last) else "---:"
        for n in range(len(block.headers))
    ]
    rows = [[in_table(_safe(text)) for text in row] for row in (block.headers, *block.rows)]
    return [f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])]


def _safe(text: str) -> str:
    return escaped(inert(text))
