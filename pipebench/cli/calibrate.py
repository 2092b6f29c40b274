"""``pipebench calibrate``: what this machine's noise lets a comparison find."""

import os
import sys
from typing import Annotated

import typer

from pipebench.cli import output


def calibrate(
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- RUN OPTIONS", help="The configuration: options of run, after --."),
    ] = None,
    launches: Annotated[int, typer.Option("--launches", help="Equal launches to measure; at least 4.")] = 8,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no notices.")] = False,
) -> None:
    """Measure how far equal launches of a configuration spread, and the smallest change that can be found.

    It is kept in the user's cache folder; check, compare and ab warn of a threshold that lies below it.

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
