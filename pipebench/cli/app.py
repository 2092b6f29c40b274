"""The typer application: its commands are imported here, their heavy imports inside each."""

from typing import Annotated

import typer

from pipebench import __version__
from pipebench.cli import (
    ab,
    baseline,
    calibrate,
    check,
    compare,
    history,
    init,
    list_,
    run,
    show,
    simulate,
)

_HELP = """Measures, explains, predicts and guards pipeline parallelism.

What does pipelining buy me on my devices, where does the rest go, did it get worse?

pipebench run --gpus 8 -- measure a stacked LSTM on 8 devices against the best single one

pipebench simulate --schedule 1f1b --stages 8 --microbatches 32 -- the same on paper, at once

pipebench show -- look at the last record again

pipebench check latest --against latest~1 -- did it get worse? the exit code says
"""

app = typer.Typer(
    help=_HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("simulate")(simulate.simulate)
app.command("show")(show.show)
app.command("list")(list_.list_)
app.command("compare")(compare.compare)
app.command("check")(check.check)
app.command("ab")(ab.ab)
app.command("calibrate")(calibrate.calibrate)
app.command("history")(history.history)
app.add_typer(baseline.app, name="baseline")
app.add_typer(init.app, name="init")


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"pipebench {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - acts through its callback
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
