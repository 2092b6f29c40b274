"""The report of ``explain --from``: what is said of the record, and what a change would bring."""

from rich.console import Console, Group

from pipebench.records.trace import TraceRecord
from pipebench.records.trace_explanation import TraceExplanation
from pipebench.render.explanation import what_if_table
from pipebench.render.tables import spaced
from pipebench.render.trace import trace_report
from pipebench.timing.timeline import Timeline


def trace_explanation_report(
    explained: TraceExplanation, record: TraceRecord, shown: Timeline, console: Console
) -> Group:
    """The whole explanation, as wide as the console; ``shown`` is the record's timeline."""
    found = trace_report(record, console, shown)
    table = what_if_table(explained.what_if, against_baseline=False, steps=len(explained.steps))
    return Group(*spaced([found, table]))
