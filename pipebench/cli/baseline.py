"""``pipebench baseline``: runs that are kept under a name, for later runs to be compared with."""

from pathlib import Path
from typing import Annotated

import typer

from pipebench.cli import completing, no_effect, output
from pipebench.errors import ExitCode, MissingError, UsageError
from pipebench.system import pasting
from pipebench.system.names import as_text, is_text

app = typer.Typer(
    help="Keep runs under a name, so that later runs can be checked against them.", no_args_is_help=True
)

_Name = Annotated[
    str,
    typer.Option("--name", help="The name for check --against.", autocompletion=completing.baselines),
]
_Reason = Annotated[str, typer.Option("--reason", help="Why you chose this run. It is kept with the run.")]
_Run = Annotated[
    str,
    typer.Argument(
        metavar="RECORD",
        help="A run: a file, an id, a folder or latest.",
        autocompletion=completing.records,
    ),
]
_Runs = Annotated[
    Path | None, typer.Option("-o", "--output", help="Folder of records. Default: results/runs.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


@app.command("save")
def save(
    context: typer.Context, record: _Run, reason: _Reason, name: _Name = "main", folder: _Runs = None
) -> None:
    """Keep a completed, verified run as the saved baseline of its configuration.

    pipebench baseline save latest --name main --reason "release 1.2"
    """
    no_effect.tell(context)
    output.print_text(f"{_save(record, name, reason, folder, promote=False)}\n")


@app.command("promote")
def promote(
    context: typer.Context, record: _Run, reason: _Reason, name: _Name = "main", folder: _Runs = None
) -> None:
    """Replace the saved baseline of a configuration by a newer run. The new file names the old run.

    pipebench baseline promote latest --name main --reason "faster, reviewed"
    """
    no_effect.tell(context)
    output.print_text(f"{_save(record, name, reason, folder, promote=True)}\n")


@app.command("list")
def list_(json: _Json = False) -> None:
    """List the saved baselines: name, run, date, reason."""
    from pipebench.comparison import baselines
    from pipebench.render.baselines import baseline_table, listing

    found = list(baselines.tried(baselines.DEFAULT_FOLDER))
    if json:
        output.print_json(listing(found))
    elif found:
        output.print_report(lambda _: baseline_table(found))
    else:
        output.notice(f"no saved baselines in {baselines.DEFAULT_FOLDER}; {baselines.how_to_save()}")


@app.command("show")
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The name of a saved baseline.", autocompletion=completing.baselines
        ),
    ] = "main",
    json: _Json = False,
) -> None:
    """Show the saved baselines with a name: their configuration, the reason, and what they replaced."""
    from pipebench.comparison import baselines
    from pipebench.render.baselines import baseline_report, listing

    if not baselines.exists(name, baselines.DEFAULT_FOLDER):
        raise MissingError(f"saved baseline {name}: none of this name in {baselines.DEFAULT_FOLDER}")
    found = list(baselines.read_all(baselines.DEFAULT_FOLDER, name))
    if json:
        output.print_json(listing(found))
    else:
        output.print_report(lambda _: baseline_report(found))


@app.command("verify")
def verify() -> int:
    """Verify every saved baseline: is it readable, in the right place, unchanged and usable?

    Exit code 10: one of them is not. Exit code 9: there are none.
    """
    from pipebench.comparison import baselines
    from pipebench.render.baselines import verification_report

    found = baselines.verify(baselines.DEFAULT_FOLDER)
    if not found:
        raise MissingError(f"no saved baselines in {baselines.DEFAULT_FOLDER}")
    output.print_report(lambda _: verification_report(found))
    return ExitCode.CORRUPT if any(problem for _, problem in found) else ExitCode.DONE


def _save(record: str, name: str, reason: str, folder: Path | None, *, promote: bool) -> str:
    from pipebench.comparison import baselines
    from pipebench.records import folders, store
    from pipebench.records.selection import Search, select

    where = folder or store.DEFAULT_FOLDER
    reason = as_text(reason) if is_text(reason) else reason
    baselines.check_text(name, reason)
    if Path(name).exists():
        raise UsageError(
            f"--name {name}: there is a file or folder of this name, which check would take instead"
        )
    if any(path.stem.startswith(name) for path in folders.paths(where)):
        raise UsageError(f"--name {name}: a record in {where} begins so, which check would no longer find")
    run = baselines.completed(select(record, Search(where, completed=False)).run)
    path = baselines.save(
        run,
        name,
        reason,
        baselines.DEFAULT_FOLDER,
        promote=promote,
        instead=pasting.command(
            *("baseline", "save" if promote else "promote", pasting.path_word(record)),
            *(*pasting.option("--name", name), *pasting.option("--reason", reason)),
            *(["-o", pasting.path_word(folder)] if folder else []),
        ),
    )
    reservations = baselines.reservations(run)
    if reservations:
        output.notice(
            f"saved, but checks against it will often be inconclusive ({', '.join(reservations)}): "
            "measure on an idle machine, or with --rigorous, and promote that"
        )
    return output.shown(path)
