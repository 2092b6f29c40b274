from typing import Annotated

import typer
from typer.main import get_command

from pipebench.cli.panels import option


def test_an_option_has_all_its_names_and_stands_in_its_panel() -> None:
    app = typer.Typer(add_completion=False)

    @app.command()
    def command(
        folder: Annotated[str, option("--output -o", "Where it goes.", "Output", "FOLDER")] = "here",
    ) -> None:
        """Nothing."""

    (made,) = (each for each in get_command(app).params if each.name == "folder")
    assert made.opts == ["--output", "-o"]
    assert (made.help, made.metavar) == ("Where it goes.", "FOLDER")
    assert made.rich_help_panel == "Output"


def test_what_a_shell_may_complete_is_passed_on() -> None:
    def names(context: object, incomplete: str) -> list[str]:
        return ["one"]

    assert option("--one", "", "Plan", complete=names).autocompletion is names
