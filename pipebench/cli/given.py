"""Where the value of an option or an argument came from."""

from collections.abc import Iterator

import typer

TYPED, VARIABLE, FILE, DEFAULT = "command line", "environment", "file", "default"
_SOURCES = {"COMMANDLINE": TYPED, "ENVIRONMENT": VARIABLE, "DEFAULT_MAP": FILE}


def source(context: typer.Context, name: str) -> str:
    """Who gave a parameter of the context's command its value."""
    found = context.get_parameter_source(name)
    return DEFAULT if found is None else _SOURCES.get(found.name, DEFAULT)


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether it stands on the command line."""
    return source(context, name) == TYPED


def is_given(context: typer.Context, name: str) -> bool:
    """Whether anybody gave it: it is no default."""
    return source(context, name) != DEFAULT


def long_names(context: typer.Context) -> Iterator[tuple[str, str]]:
    """Each parameter that is an option of the command, with its long name as it is typed."""
    for parameter in context.command.params:
        if parameter.param_type_name == "option" and parameter.name in context.params:
            yield parameter.name, next(option for option in parameter.opts if option.startswith("--"))
