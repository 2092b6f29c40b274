"""Where a value came from."""

from typing import Annotated

import pytest
import typer

from pipebench.cli import given

SEEN: dict[str, str] = {}


def command(
    context: typer.Context,
    what: Annotated[str, typer.Argument()] = "a",
    steps: Annotated[int, typer.Option("--steps", "-s", envvar="STEPS_OF_A_TEST")] = 1,
) -> None:
    SEEN.clear()
    SEEN.update({name: given.source(context, name) for name in ("what", "steps", "nobody")})
    assert given.is_typed(context, "steps") is (SEEN["steps"] == given.TYPED)
    assert given.is_given(context, "steps") is (SEEN["steps"] != given.DEFAULT)
    assert list(given.long_names(context)) == [("steps", "--steps")]


@pytest.mark.parametrize(
    ("arguments", "variable", "file", "steps"),
    [
        ([], None, {}, given.DEFAULT),
        ([], None, {"steps": 2}, given.FILE),
        ([], "3", {"steps": 2}, given.VARIABLE),
        (["-s", "4"], "3", {"steps": 2}, given.TYPED),
    ],
)
def test_the_first_of_these_counts(
    arguments: list[str],
    variable: str | None,
    file: dict[str, int],
    steps: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable is not None:
        monkeypatch.setenv("STEPS_OF_A_TEST", variable)
    app = typer.Typer(context_settings={"default_map": file})
    app.command()(command)
    typer.main.get_command(app).main(arguments, "it", standalone_mode=False, default_map=file)
    assert {"what": given.DEFAULT, "steps": steps, "nobody": given.DEFAULT} == SEEN
