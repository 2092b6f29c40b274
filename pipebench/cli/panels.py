"""The options of a command whose help shows them in panels."""

import typer

from pipebench.cli import completing


def option(
    name: str, text: str, panel: str, metavar: str | None = None, *, complete: completing.Completion = None
) -> typer.models.OptionInfo:
    """One option.

    Args:
        name: as it is typed; several names stand apart by spaces.
        text: its help.
        panel: the panel that it stands in.
        metavar: what its value is called; default: as typer calls it.
        complete: what a shell may complete.
    """
    made: typer.models.OptionInfo = typer.Option(
        *name.split(), help=text, rich_help_panel=panel, metavar=metavar, autocompletion=complete
    )
    return made
