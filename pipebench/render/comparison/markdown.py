"""A comparison as GitHub-flavoured Markdown: for a README, a pull request, a job's summary.

Foreign text stands in code spans, where nothing has a meaning: no link, no HTML, no mention.
"""

from collections.abc import Sequence

from pipebench.records.comparison import ComparisonRecord
from pipebench.render.comparison.document import Cell, Facts, Grid, document
from pipebench.render.comparison.words import Foreign, Wording
from pipebench.render.inert import inert


def markdown(record: ComparisonRecord) -> str:
    """Tables and lists, with an empty line between them and one newline at the end."""
    blocks = [_facts(block) if isinstance(block, Facts) else _grid(block) for block in document(record)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _facts(block: Facts) -> str:
    return "\n".join(f"- **{escaped(name)}** {_cell(cell)}" for name, cell in block.rows)


def _grid(block: Grid) -> str:
    last = len(block.headers) - 1
    rule = [":---" if n < block.left or n == last else "---:" for n in range(len(block.headers))]
    rows = [_row([in_table(escaped(header)) for header in block.headers]), _row(rule)]
    return "\n".join([*rows, *(_row([in_table(_cell(cell)) for cell in row]) for row in block.rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def in_table(text: str) -> str:
    """A cell's text, which must not split the table. For tables only: elsewhere a code span shows the backslash."""
    return text.replace("|", "\\|")


def _cell(cell: Cell) -> str:
    return "".join(_part(part) for part in cell.parts)


def _part(part: Wording) -> str:
    return code(part) if isinstance(part, Foreign) else escaped(part)


def code(text: str) -> str:
    """Foreign text as a code span, which holds no backtick."""
    quoted = inert(text).replace("`", "'")
    return f"`{quoted}`" if quoted.strip() else '`""`'


def escaped(text: str) -> str:
    """Our own words, with the only characters escaped that could mean something."""
    for letter in "\\*[]<>_":
        text = text.replace(letter, f"\\{letter}")
    return text
