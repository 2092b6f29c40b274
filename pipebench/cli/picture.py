"""``--svg FILE``: the timeline of a record as a picture beside what the command prints."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipebench.cli import files, output

if TYPE_CHECKING:
    from pipebench.records.store import AnyRecord

_OPTION = "--svg"


def check_svg(path: Path | None) -> None:
    """Make sure that the picture can be written.

    Raises:
        UsageError: There is no such folder, it is one, or something else is there that must not be lost.
        EnvironmentRefusedError: It may not be written.
    """
    if path is not None:
        files.check(_OPTION, path, "SVG", lambda beginning: b"<svg" in beginning)


def write_svg(path: Path, record: "AnyRecord", name: str) -> None:
    """Draw a record's timeline, and say on stderr what it shows and where it went.

    Raises:
        UsageError: The record has none; ``name`` is what it is called.
        EnvironmentRefusedError: The file cannot be written.
    """
    from pipebench.render.svg.record import record_svg

    drawn = record_svg(record, name)
    files.write(_OPTION, path, drawn.document.encode())
    output.notice(f"wrote {output.shown(path)}: the timeline of one step, {drawn.evidence}")
