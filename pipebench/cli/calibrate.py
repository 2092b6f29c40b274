"""``pipebench calibrate``: what this machine's noise lets a comparison find."""

import os
import sys
from typing import Annotated

import typer

from pipebench.cli import output


def calibrate(
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- RUN OPTIONS", help="The options of run that say what to measure, after --."
        ),
    ] = None,
    launches: Annotated[
        int, typer.Option("--launches", help="How many equal launches to measure; at least 4.")
    ] = 8,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress and no notices.")] = False,
) -> None:
    """Measure how much equal launches of a configuration differ, and the smallest change that can be found.

    The result is kept in your cache folder. From then on check, compare and ab
    warn if a threshold is smaller than that change.

    pipebench calibrate -- --gpus 8 --schedule wavefront
    """
    from pipebench.ab.calibrating import calibrate as noise_of
    from pipebench.comparison import noise_cache
    from pipebench.launching.rendezvous import alone
    from pipebench.render.calibration import calibration_report, document
    from pipebench.render.progress import ProgressView
    from pipebench.system.signals import orderly_end

    alone.check_alone("calibrate", sys.argv[1:], os.environ)
    with orderly_end(), ProgressView(output.stderr(), quiet=quiet) as view:
        noise, beside = noise_of(options or (), launches, view)
    if json:
        output.print_json(document(noise))
    else:
        output.print_report(lambda _: calibration_report(noise))
    told = (
        "not kept: another pipebench run measured beside it"
        if beside
        else f"kept in {noise_cache.save(noise)}"
    )
    if not quiet:
        output.notice(told)
