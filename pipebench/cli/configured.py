"""A command whose options may also stand in a file of the working folder.

The command line counts before variables, these before the file, and the file before the defaults. Whoever reads the
output is told in a line which options are the file's, since they may decide a verdict.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import typer

from pipebench.cli import output
from pipebench.config import config_file

if TYPE_CHECKING:
    from collections.abc import Sequence

_HELP = frozenset({"-h", "--help"})


class Configured(typer.core.TyperCommand):
    """A command that takes from a file what the command line leaves open."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the command line, with the file's values as defaults."""
        found = None if extra.get("resilient_parsing") or _asks_for_help(args) else _table(info_name, parent)
        if found is None:
            return super().make_context(info_name, args, parent, **extra)
        known = options(self)
        values = found.values(known)
        context: Any = super().make_context(info_name, [*args], parent, **extra, default_map=values)
        from pipebench.cli.rivals import beaten

        left = {name: value for name, value in values.items() if name not in beaten(context)}
        if left != values:
            context = super().make_context(info_name, [*args], parent, **extra, default_map=left)
        context.meta[_META] = _Given(found, {known[name].parameter: f"--{name}" for name in found.entries})
        return context

    def invoke(self, ctx: Any) -> Any:
        """Say what is taken from the file, and do what the command does."""
        _tell(ctx)
        return super().invoke(ctx)


class _Given(NamedTuple):
    """A file's table for a command, and how it names each parameter that it gives."""

    table: config_file.Table
    names: Mapping[str, str]


_META = "pipebench.config.config_file"


def file_of(context: typer.Context) -> str:
    """The name of the file that gave options to a command, if one did."""
    found: _Given | None = context.meta.get(_META)
    return config_file.FILE if found is None else found.table.file


def options(command: typer.core.TyperCommand) -> Mapping[str, config_file.Option]:
    """The options of a command by the names that a file gives them."""
    hints = get_type_hints(inspect.unwrap(command.callback)) if command.callback is not None else {}
    found = {}
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name in hints:
            kind, repeatable = _kind(hints[parameter.name])
            for inverted, names in ((False, parameter.opts), (True, parameter.secondary_opts)):
                for name in names:
                    if name.startswith("--"):
                        found[name[2:]] = config_file.Option(parameter.name, kind, repeatable, inverted)
    return found


def _kind(hint: Any) -> tuple[type, bool]:
    """The kind of a parameter's values, and whether it has several, by its annotation."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is list:
        return get_args(hint)[0], True
    return hint, False


def _table(name: str | None, parent: Any) -> config_file.Table | None:
    """The file's table for a command."""
    if config_file.is_switched_off() or (table := config_file.read(Path())) is None:
        return None
    from pipebench.cli.app import NAMES

    group = parent if parent is not None and parent.parent is not None else None
    path = (
        [(str(name), NAMES)]
        if group is None
        else [(group.info_name, NAMES), (str(name), [*group.command.commands])]
    )
    for each, known in path:
        if table is not None:
            table = table.within(each, known)
    return table


def _asks_for_help(args: "Sequence[str]") -> bool:
    """Help is given whatever the file holds; what stands behind ``--`` is not ours."""
    ours = args[: args.index("--")] if "--" in args else args
    return not _HELP.isdisjoint(ours)


def _tell(context: Any) -> None:
    """One line on stderr, where a file gave values and nobody has asked for quiet on the command line."""
    found: _Given | None = context.meta.get(_META)
    if found is None:
        return
    from pipebench.cli import given, rivals

    taken = [option for name, option in found.names.items() if given.source(context, name) == given.FILE]
    quiet = bool(context.params.get("quiet")) and given.is_typed(context, "quiet")
    follows = context.info_name == "run" and rivals.rank()
    if taken and not quiet and not follows:
        table = f"{found.table.file} [{'.'.join(found.table.path)}]"
        output.notice(f"pipebench: {table} gives {', '.join(taken)}")
