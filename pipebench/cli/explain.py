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
            help="A run's file, its id, a folder (its newest run) or latest (in the folder of --output), the default. "
            "With --from: more of its files.",
            show_default=False,
        ),
    ] = None,
    foreign: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FILE...",
            help="Explain a run that another program measured: a span table in CSV (columns step, replica, device, "
            "operation, stage, microbatch, start_s, end_s), or traces of torch.profiler, one a rank; .gz too. "
            "Its record is kept in the folder of --output.",
        ),
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            metavar="TEXT",
            help="What the step would take with a change, simulated; may be given several times. WHAT x FACTOR "
            "multiplies time, where WHAT is all, stages, devices, microbatches, chunks or some of them, such as stage "
            "7 or devices 2-3. WHAT = mean: F and B of what is named take the mean over all stages of their kind; of "
            "microbatches or chunks, the mean over all of them on the same stage. = median likewise, = others: the "
            "mean of those not named. link x 0.5, or link 3-4 = 1 GB/s, 50 us: between two devices, both ways; without "
            "devices all links; bandwidth or latency may be left out; figures of the emulated machine, not of this "
            "host. Default: the ten best single changes.",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of records. Default: results/runs.")
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg", metavar="FILE", help="Draw the waterfall into an SVG file, instead of the report."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say where the time of a run went: from as many times as there are devices down to its speed-up, in factors.

    Each factor is a loss that one thing adds to the same plan, found by simulating the recorded step again and again:
    dear slices, the schedule, unequal stages, messages, noise. What is left unexplained stands by itself. With the
    largest losses stands what would win them back.

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
    from pipebench.records import store
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
        output.print_json(store.encode(explained))
    if svg is None and not json:
        from pipebench.render.explanation import explanation_report

        output.print_report(partial(explanation_report, explained, source.run))
    contradicting.tell(source.run)


def _check_is_no_foreign_file(record: str) -> None:
    """A span table or a trace is named with --from."""
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
