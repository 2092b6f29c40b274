"""``pipebench history``: a metric over the runs of a folder."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipebench.cli import output
from pipebench.errors import UsageError


def history(
    metric: Annotated[
        str | None,
        typer.Argument(
            help="throughput (of whatever a run counts) or words_per_s, baseline_throughput (one device) or "
            "baseline_words_per_s, speedup, step_s, efficiency, bubble_fraction, busy_s or peak_memory_bytes. "
            "Default: words_per_s, or throughput if the model counts no words. For records of guard: the metric that "
            "the command prints. For runs of other programs: step_s (default), bubble_fraction or busy_s."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of records; its subfolders are read too. Default: results/runs."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show a metric over all runs that can be compared with the newest one, and where it changed.

    pipebench history words_per_s

    pipebench history speedup results/noise
    """
    import msgspec

    from pipebench.comparison.history import history as course_of
    from pipebench.comparison.metrics import METRICS
    from pipebench.errors import CorruptRecordError, MissingError
    from pipebench.records import folders, store
    from pipebench.records.command import CommandRecord
    from pipebench.records.run import RunRecord
    from pipebench.records.trace import TraceRecord

    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder}: expected a folder of records")
    where = folder or store.DEFAULT_FOLDER
    if metric is not None and metric not in METRICS and metric not in _printed(where):
        raise UsageError(f"history {metric!r}: expected one of {', '.join(METRICS)}")
    records = (record for _, record in folders.read_all(where))
    try:
        course = course_of(
            (
                each
                for each in records
                if isinstance(each, RunRecord | CommandRecord | TraceRecord | CorruptRecordError)
            ),
            metric,
        )
    except MissingError as error:
        raise MissingError(f"{error} in {where}") from None
    if json:
        output.print_json(msgspec.json.format(msgspec.json.encode(course)) + b"\n")
        return
    from pipebench.render.history import history_report

    output.print_report(partial(history_report, course))


def _printed(folder: Path) -> set[str]:
    """The metrics of the commands in a folder."""
    from pipebench.records import folders
    from pipebench.records.command import CommandRecord

    records = (record for _, record in folders.read_all(folder))
    return {each.metric.field for each in records if isinstance(each, CommandRecord)}
