"""A metric's history for a terminal: a line of blocks, and the changes."""

from collections.abc import Sequence

from rich.console import Console, Group
from rich.text import Text

from pipebench.comparison.history import History
from pipebench.comparison.metrics import metric_named
from pipebench.plurals import counted
from pipebench.render.comparison.words import change_text, value_text
from pipebench.render.inert import inert
from pipebench.render.layout import Facts, Words
from pipebench.render.tables import needs_ascii, spaced

_BLOCKS, _PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*#@"


def history_report(course: History, console: Console) -> Group:
    """The newest runs that fit the console, and every change."""
    terms = course.terms._replace(unit=inert(course.unit))
    title, values = metric_named(course.metric, terms).title(terms), [point.value for point in course.runs]
    head = Text.assemble((f"{title} of {counted(len(values), 'run')}", "bold"), f"   {inert(course.of)}")
    shown = values[-(console.width - 2) :]
    line = Text(sparkline(shown, plain=needs_ascii(console)))
    return Group(*spaced([Words(head), line, Facts(*_rows(course, values))]))


def sparkline(values: Sequence[float], *, plain: bool = False) -> str:
    """A block for each value, from the lowest to the highest."""
    blocks = _PLAIN_BLOCKS if plain else _BLOCKS
    low, high = min(values), max(values)
    size = (high - low) or 1.0
    return "".join(blocks[round((value - low) / size * (len(blocks) - 1))] for value in values)


def _rows(course: History, values: Sequence[float]) -> list[tuple[str, str]]:
    def text(value: float) -> str:
        return value_text(course.metric, value, course.terms)

    rows = [
        ("first", f"{text(values[0])}   {inert(course.runs[0].id)}"),
        ("newest", f"{text(values[-1])}   {inert(course.runs[-1].id)}"),
        ("range", f"{text(min(values))} to {text(max(values))}"),
    ]
    for each in course.changes:
        levels = f"{text(each.before)} -> {text(each.after)}, p = {each.p_value:.2g}"
        rows.append(("change", f"{change_text(each.change)} from {inert(each.id)} on: {levels}"))
        if each.explanation is not None:
            rows.append(("parts", each.explanation))
    if not course.changes:
        runs = counted(len(values), "run")
        told = (
            f"{runs} {'is' if len(values) == 1 else 'are'} too few to tell"
            if course.needed is None
            else f"after these {runs}, {course.needed} more at a new level would show it"
        )
        rows.append(("change", f"none found; {told}"))
    left_out = [
        counted(number, what, many)
        for number, what, many in (
            (course.other_configurations, "run of another configuration", "runs of other configurations"),
            (course.not_completed, "run not completed", "runs not completed"),
            (course.unreadable, "unreadable", "unreadable"),
            (course.joined, "record joined from runs here", "records joined from runs here"),
        )
        if number
    ]
    return [*rows, *([("left out", ", ".join(left_out))] if left_out else [])]
