"""``pipebench explain``: why a speed-up is what it is, and what would change it."""

from functools import partial
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from pipebench import collection
from pipebench.cli import contradicting, no_effect, output, picture


def explain(
    context: typer.Context,
    record: Annotated[
        str,
        typer.Argument(
            metavar="RECORD",
            help="A run's file, its id, a folder (its newest run) or latest (in the folder of --output).",
        ),
    ] = "latest",
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
    """
    picture.check_svg(svg)
    from pipebench.diagnosis.explaining import explanation
    from pipebench.records import store
    from pipebench.records.selection import Search, select
    from pipebench.supervision import supervised

    source = select(record, Search(folder or store.DEFAULT_FOLDER))
    no_effect.tell(context)
    if source.passed_over:
        output.notice(
            f"pipebench: {source.passed_over} newer beside it passed over: not completed, or unreadable"
        )
    with collection.put_off(), supervised(inf, output.notice) as phase:
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
