"""``pipebench explain``: why a speed-up is what it is, and what would change it."""

from functools import partial
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from pipebench.cli import completing, contradicting, no_effect, output, picture
from pipebench.cli.explain_foreign import explain_foreign
from pipebench.errors import UsageError
from pipebench.system import garbage, pasting


def explain(
    context: typer.Context,
    records: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECORD]",
            autocompletion=completing.records,
            help="The file of a run, its id, a folder (its newest run) or latest (in the folder of --output). Default: "
            "latest. With --from: more files.",
            show_default=False,
        ),
    ] = None,
    foreign: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FILE...",
            help="Explain a run of another program. FILE is a span table in CSV (columns step, replica, device, "
            "operation, stage, microbatch, start_s, end_s), or there is one trace of torch.profiler for each rank. "
            "Files may end in .gz. A folder stands for all such files in it. The record is kept in the folder of "
            "--output.",
        ),
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            metavar="TEXT",
            help="Simulate the step with a change, and say how long it would take. May be repeated. WHAT x FACTOR "
            "multiplies time. WHAT is all, stages, devices, microbatches, chunks, or some of them, such as stage 7 or "
            "devices 2-3. WHAT = mean: forwards and backwards take as long as the mean of all stages of the same kind, "
            "or for microbatches and chunks the mean of all on the same stage. = median takes the median. = others "
            "takes the mean of those that are not named. link x 0.5, or link 3-4 = 1 GB/s, 50 us, changes the link "
            "between two devices in both directions; without devices it changes all links. You may leave out "
            "bandwidth or latency. Both are those of the emulated machine, not of this host. With --from, means and "
            "medians are over all steps and replicas, and a link has no bandwidth. Default: the ten best single "
            "changes.",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of records. Default: results/runs.")
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg",
            metavar="FILE",
            help="Draw the waterfall into an SVG file instead of printing the report.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say where the time of a run went: as factors, from the ideal speed-up down to the measured one.

    Each factor is a loss with one cause: small slices that cost more, the
    schedule, unequal stages, messages, noise. The factors come from simulations
    of one measured step. What is left has a factor of its own, unexplained. For
    the largest losses there are changes to try.

    pipebench explain

    pipebench explain latest --what-if "stage 7 = mean" --what-if "device 3 x 0.9"

    pipebench explain latest --what-if "link 3-4 = 1 GB/s, 50 us" --json

    pipebench explain latest --svg waterfall.svg

    pipebench explain --from spans.csv.gz --what-if "all = mean"

    pipebench explain --from trace0.json.gz trace1.json.gz
    """
    picture.check_svg(svg)
    if foreign:
        no_effect.tell(context)
        explain_foreign(
            [*foreign, *map(Path, records or ())], what_if or (), folder=folder, svg=svg, json=json
        )
        return
    if records and len(records) > 1:
        raise UsageError(
            f"explain: expected one record, got {len(records)}; for files of another program's run: "
            f"{pasting.command('explain', '--from', *records)}"
        )
    record = records[0] if records else "latest"
    _check_is_no_foreign_file(record)
    from pipebench.diagnosis.explaining import explanation
    from pipebench.records import documents, store
    from pipebench.records.selection import RUNS, Search, select
    from pipebench.records.trace import TraceRecord
    from pipebench.system.supervision import supervised

    source = select(record, Search(folder or store.DEFAULT_FOLDER, kinds=(*RUNS, TraceRecord)))
    if isinstance(source.record, TraceRecord):
        raise UsageError(
            f"{output.shown(source.path)}: a run that another program measured: its explanation stands in it "
            f"({pasting.command('show', output.shown(source.path))}); for other changes name its files with --from"
        )
    no_effect.tell(context)
    if source.passed_over:
        output.notice(
            f"pipebench: {source.passed_over} newer beside it passed over: not completed, or unreadable"
        )
    with garbage.put_off(), supervised(inf, output.notice) as phase:
        phase("simulating the step again and again")
        explained = explanation(source.run, output.shown(source.path), what_if or ())
    if svg is not None:
        picture.write_waterfall(svg, explained, source.run)
    if json:
        output.print_json(documents.encode(explained))
    if svg is None and not json:
        from pipebench.render.explanation import explanation_report

        output.print_report(partial(explanation_report, explained, source.run))
    contradicting.tell(source.run)


def _check_is_no_foreign_file(record: str) -> None:
    """Refuse a span table or a trace that is named without --from."""
    from pipebench.foreign import files

    path = Path(record)
    if not path.is_file():
        return
    if path.name.endswith((".csv", ".csv.gz")) or _traced(files.beginning(path, 1 << 12)):
        raise UsageError(
            f"explain: {output.shown(path)} is no record; a file of another program's run is named with --from: "
            f"{pasting.command('explain', '--from', record)}"
        )


def _traced(beginning: bytes) -> bool:
    """Whether a file begins as torch.profiler's traces do."""
    return any(word in beginning for word in (b'"traceEvents"', b'"deviceProperties"', b'"distributedInfo"'))
