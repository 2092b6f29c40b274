"""The typer application: of a command line that begins with a command's name, only that command is imported.

Importing all commands took a tenth of the time of ``compare``, and a command line needs only one.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from pipebench import __version__
from pipebench.cli.configured import Configured
from pipebench.cli.output import help_width

# In the order of the help; each is a function in a module of the same name, ``list`` with a ``_`` behind it.
_COMMANDS = (
    "run",
    "simulate",
    "show",
    "explain",
    "trace",
    "list",
    "compare",
    "check",
    "ab",
    "guard",
    "calibrate",
    "history",
    "merge",
    "reproduce",
)
# Each is a typer application of its own in ``pipebench.cli.<name>``.
_GROUPS = ("baseline", "init")
NAMES = (*_COMMANDS, *_GROUPS)

_HELP = """Measures, explains, predicts and guards pipeline parallelism.

How much faster does pipelining make my training? Why is it not faster still? Did it get worse?

Measure a stacked LSTM on 8 devices against the best single device:

pipebench run --gpus 8

Simulate a schedule on paper:

pipebench simulate --schedule 1f1b --stages 8 --microbatches 32

Look at the newest record again:

pipebench show

Did it get worse? The exit code says:

pipebench check latest --against latest~1

You can put options that you always give into pipebench.toml, with a table for each command.
"""


def application(arguments: Sequence[str]) -> typer.Typer:
    """The application for a command line: with the command that it names first, or with all commands.

    Options before the command, an unknown name, or nothing at all: typer answers these, and knows every command then.
    """
    width = help_width()
    settings: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
    named = arguments[0] if arguments else ""
    app = typer.Typer(
        help=_HELP,
        add_completion=named not in NAMES,  # a shell asks with no arguments
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if width is None else None,
        context_settings=settings if width is None else settings | {"terminal_width": width},
    )
    app.callback(invoke_without_command=True)(_root)
    for name in (named,) if named in NAMES else NAMES:
        _add(app, name)
    return app


def _add(app: typer.Typer, name: str) -> None:
    function = "list_" if name == "list" else name  # list is a builtin
    module = import_module(f"pipebench.cli.{function}")
    if name in _GROUPS:
        for command in module.app.registered_commands:
            command.cls = Configured
        app.add_typer(module.app, name=name)
    else:
        app.command(name, cls=Configured)(getattr(module, function))


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"pipebench {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - acts through its callback
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
