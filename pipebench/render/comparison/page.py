"""A comparison as one HTML page that needs nothing else: no script, no font, no network.

``page.html.j2`` beside this file is the page. All that is put into it is escaped there, whoever wrote it.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipebench.records.comparison import ComparisonRecord
from pipebench.render.comparison.document import Facts, document
from pipebench.render.comparison.words import Foreign
from pipebench.render.inert import inert

TEMPLATE = Path(__file__).with_name("page.html.j2")


def page(record: ComparisonRecord) -> str:
    """The whole page."""
    blocks = [block for block in document(record) if block.rows]
    template = environment().get_template(TEMPLATE.name)
    return template.render(verdict=record.overall.verdict, blocks=blocks) + "\n"


def environment() -> Environment:
    """What the templates of this folder may use; an unknown name is an error, not an empty text."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["inert"] = inert
    made.tests["foreign"] = lambda part: isinstance(part, Foreign)
    made.tests["facts"] = lambda block: isinstance(block, Facts)
    return made
