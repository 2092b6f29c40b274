"""The options of a run with their values, and where each value is from."""

from pathlib import Path
from typing import Any

import typer

from pipebench.cli import given, rivals
from pipebench.cli.configured import file_of
from pipebench.config.run_config import RunConfig
from pipebench.records.store import DEFAULT_FOLDER
from pipebench.run.dry_run import GivenOption


def option_values(context: typer.Context, config: RunConfig) -> list[GivenOption]:
    """Each option of ``run``: what was typed first, then the file's, then the defaults.

    Args:
        context: of the command.
        config: what was decided, for options that nobody gave.
    """
    found = [_value(context, name, option, config) for name, option in given.long_names(context)]
    places = [given.TYPED, given.VARIABLE, file_of(context), given.DEFAULT]
    return sorted(found, key=lambda each: places.index(each.came_from))


def _value(context: typer.Context, name: str, option: str, config: RunConfig) -> GivenOption:
    place = given.source(context, name)
    if name == "gpus" and place == given.DEFAULT and rivals.rank() is not None:
        place = given.VARIABLE  # as many as the launcher has started ranks
    value: Any = context.params[name]
    if value is None:
        value = DEFAULT_FOLDER if name == "folder" else getattr(config, name, None)
    value = str(value) if isinstance(value, Path) else value
    return GivenOption(option, value, file_of(context) if place == given.FILE else place)
