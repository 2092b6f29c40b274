"""What ``run`` and ``show`` print of a run: the brief report, where its record is, and what is worth typing next."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipebench.cli import output
from pipebench.system import pasting

if TYPE_CHECKING:
    from rich.console import Console

    from pipebench.records.documents import AnyRecord
    from pipebench.records.run import RunRecord
    from pipebench.render.layout import Words

_ALL = "--all"


class Next(NamedTuple):
    """A command, and what it is good for."""

    command: str
    why: str


def explained(path: Path) -> Next:
    """The command that explains a record."""
    command = pasting.command("explain", pasting.path_word(output.typed(path)))
    return Next(command, "where the time goes, and what would win it back")


def next_look(record: "RunRecord", path: Path) -> Next | None:
    """What to type after a look at a stored run; nothing where there is nothing that can be explained."""
    from pipebench.render.result import step_on_paper

    if record.status != "completed" or record.speedup is None or step_on_paper(record) is None:
        return None
    return explained(path)


def print_brief(record: "RunRecord", path: Path | None, following: Next | None) -> None:
    """Print the brief report of a run, its file, the command that shows all of it, and a command worth trying.

    Args:
        record: the run.
        path: its file; ``None`` if it could not be kept.
        following: the command, if there is one.
    """
    from pipebench.render.brief import brief_report

    output.print_report(partial(brief_report, record))
    output.print_lines(where(record, path))
    print_next(following)


def print_next(following: Next | None) -> None:
    """Print a command worth trying, if there is one, and below it why."""
    if following is not None:
        output.print_lines([("next", following.command)])
        output.print_report(lambda console: _why(following.why, console))


def _why(why: str, console: "Console") -> "Words":
    """The line below a command that says what it is good for. It may be wrapped; a command never is."""
    from pipebench.render.layout import NARROW, Words

    return Words(f"{'why':<9}{why}", indent=9) if console.width >= NARROW else Words(f"why  {why}", indent=2)


def where(record: "AnyRecord", path: Path | None) -> list[tuple[str, str]]:
    """Where a record is, if it could be kept, and of a run the command that shows all of it."""
    if path is None:
        return [("record", "not kept")]
    rows = [("record", output.shown(path))]
    return [*rows, ("all", output.show_command(path, _ALL))] if record.kind == "run" else rows
