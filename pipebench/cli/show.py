"""``pipebench show``: a stored record, as a report or as it is."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import completing, contradicting, given, no_effect, output, picture
from pipebench.errors import UsageError
from pipebench.system import pasting

if TYPE_CHECKING:
    from pipebench.records.documents import AnyRecord


def show(
    context: typer.Context,
    record: Annotated[
        str,
        typer.Argument(
            metavar="RECORD",
            autocompletion=completing.records,
            help="The file of a record, its id, a folder (its newest record) or latest (in the folder of --output).",
        ),
    ] = "latest",
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of records. Default: results/runs.")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Of a run print the whole report: configuration, table by device, machine, warnings in full.",
        ),
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg", metavar="FILE", help="Draw the timeline into an SVG file instead of printing the report."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the record as it is stored.")] = False,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema", help="Print the JSON Schema of records: for the kind of RECORD, or for all kinds."
        ),
    ] = False,
) -> None:
    """Show a record. Of a run: the result, where the rest goes, a picture of the timeline, warnings, the next step.

    pipebench show

    pipebench show latest --all

    pipebench show latest --json

    pipebench show latest --svg timeline.svg

    pipebench show --schema
    """
    from pipebench.records import documents, store
    from pipebench.records.selection import check_name, find

    if schema:
        _refuse_beside_schema({"--all": everything, "--json": json, "--svg": svg is not None})
        if not given.is_given(context, "record"):
            _print_schema(None)
            return
    check_name(record)
    picture.check_svg(svg)
    try:
        path = find(record, folder or store.DEFAULT_FOLDER)
    except UsageError:
        _refuse_baseline(record)
        raise
    document = store.read_bytes(path)
    decoded = documents.decode(document, str(path))
    no_effect.tell(context, kind=decoded.kind)
    if schema:
        _print_schema(decoded.kind)
        return
    if svg is not None:
        picture.write_svg(svg, decoded, output.shown(path))
    if json:
        output.print_json(document)
        return
    if svg is None:
        _print(path, decoded, everything=everything)
    contradicting.tell(decoded)


def _refuse_beside_schema(options: Mapping[str, bool]) -> None:
    for option, there in options.items():
        if there:
            raise UsageError(f"--schema and {option} exclude each other: leave one out")


def _print_schema(kind: str | None) -> None:
    from pipebench.records.json_schema import json_schema

    output.print_json(json_schema(kind))


def _print(path: Path, record: "AnyRecord", *, everything: bool) -> None:
    """The report that the kind of record has; of a run the brief one unless ``everything`` is asked for."""
    from pipebench.cli.brief import next_look, print_brief, print_next
    from pipebench.records.baseline import BaselineRecord
    from pipebench.records.command import CommandRecord
    from pipebench.records.comparison import ComparisonRecord
    from pipebench.records.reproduction import ReproductionRecord
    from pipebench.records.run import RunRecord
    from pipebench.records.trace import TraceRecord
    from pipebench.render.baselines import baseline_report
    from pipebench.render.command import command_report
    from pipebench.render.comparison.terminal import comparison_report
    from pipebench.render.report import run_report, simulation_report
    from pipebench.render.reproduction.page import report as reproduction_report
    from pipebench.render.trace import trace_report

    if isinstance(record, RunRecord) and not everything:
        print_brief(record, path, next_look(record, path))
    elif isinstance(record, RunRecord):
        output.print_report(partial(run_report, record))
        print_next(next_look(record, path))
    elif isinstance(record, ComparisonRecord):
        output.print_report(partial(comparison_report, record))
    elif isinstance(record, ReproductionRecord):
        output.print_report(partial(reproduction_report, record))
    elif isinstance(record, CommandRecord):
        output.print_report(partial(command_report, record))
    elif isinstance(record, TraceRecord):
        output.print_report(partial(trace_report, record))
    elif isinstance(record, BaselineRecord):
        output.print_report(lambda _: baseline_report([(path, record)]))
    elif record.kind == "simulation":
        output.print_report(partial(simulation_report, record))


def _refuse_baseline(name: str) -> None:
    """Point to the command that shows a saved baseline, where the name is one's."""
    from pipebench.comparison import baselines

    if baselines.exists(name, baselines.DEFAULT_FOLDER):
        raise UsageError(f"{name}: the name of a saved baseline: {pasting.command('baseline', 'show', name)}")
