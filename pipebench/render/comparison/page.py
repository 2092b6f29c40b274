"""A comparison as one HTML page that needs nothing else: no script, no font, no network."""

from html import escape

from pipebench.records.comparison import ComparisonRecord
from pipebench.render.comparison.document import Block, Cell, Facts, Grid, document
from pipebench.render.comparison.words import Foreign
from pipebench.render.inert import inert

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid #8886; padding: .25rem .75rem; text-align: left; vertical-align: top; }
.figure { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
code { overflow-wrap: anywhere; }
.improvement, .same { color: light-dark(#116329, #56d364); }
.regression { color: light-dark(#a40e26, #ff7b72); font-weight: bold; }
.inconclusive, .incomparable, .missing { color: light-dark(#7d4e00, #e3b341); }
"""


def page(record: ComparisonRecord) -> str:
    """The whole page."""
    body = "\n".join(_block(block) for block in document(record) if block.rows)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>pipebench comparison: {record.overall.verdict}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>pipebench comparison</h1>\n{body}\n</body>\n</html>\n"
    )


def _block(block: Block) -> str:
    return _facts(block) if isinstance(block, Facts) else _grid(block)


def _facts(block: Facts) -> str:
    rows = (
        f'<tr><th scope="row">{escape(name)}</th><td{_class(cell)}>{_cell(cell)}</td></tr>'
        for name, cell in block.rows
    )
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _grid(block: Grid) -> str:
    figures = range(block.left, len(block.headers) - 1)
    head = "".join(
        f'<th scope="col"{_figure(n in figures)}>{escape(header)}</th>'
        for n, header in enumerate(block.headers)
    )
    rows = (
        "".join(
            f"<td{_class(cell) or _figure(n in figures)}>{_cell(cell)}</td>" for n, cell in enumerate(row)
        )
        for row in block.rows
    )
    return "\n".join(["<table>", f"<tr>{head}</tr>", *(f"<tr>{row}</tr>" for row in rows), "</table>"])


def _cell(cell: Cell) -> str:
    return "".join(
        f"<code>{escape(inert(part))}</code>" if isinstance(part, Foreign) else escape(part)
        for part in cell.parts
    )


def _class(cell: Cell) -> str:
    return f' class="{cell.verdict}"' if cell.verdict else ""


def _figure(figure: bool) -> str:
    return ' class="figure"' if figure else ""
