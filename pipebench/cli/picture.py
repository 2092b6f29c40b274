"""``--svg FILE``: the timeline of a record, or its waterfall, as a picture in the place of what is printed."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipebench.cli import files, output
from pipebench.errors import UsageError

if TYPE_CHECKING:
    from pipebench.records.documents import AnyRecord
    from pipebench.records.explanation import ExplanationRecord
    from pipebench.records.run import RunRecord
    from pipebench.records.trace_explanation import TraceExplanation

_OPTION = "--svg"


def check_svg(path: Path | None) -> None:
    """Make sure that the picture can be written.

    Raises:
        UsageError: Its folder does not exist, the path is a folder, or something is there that must not be lost.
        EnvironmentRefusedError: It may not be written.
    """
    if path is not None and str(path) == "-":
        raise UsageError(f"{_OPTION} {path}: expected a file's name; for stdout name /dev/stdout")
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


def write_waterfall(path: Path, explained: "ExplanationRecord", record: "RunRecord") -> None:
    """Draw the explanation of a run, and say on stderr what it shows and where it went.

    Raises:
        EnvironmentRefusedError: The file cannot be written.
    """
    from pipebench.render.svg.record import explanation_svg

    drawn = explanation_svg(explained, record)
    files.write(_OPTION, path, drawn.document.encode())
    output.notice(f"wrote {output.shown(path)}: where the time goes, {drawn.evidence}")


def write_foreign_waterfall(path: Path, explained: "TraceExplanation") -> None:
    """Draw the explanation of a run that another program measured, and say on stderr where it went.

    Raises:
        EnvironmentRefusedError: The file cannot be written.
    """
    from pipebench.render.svg.record import foreign_explanation_svg

    drawn = foreign_explanation_svg(explained)
    files.write(_OPTION, path, drawn.document.encode())
    output.notice(f"wrote {output.shown(path)}: where the time goes, {drawn.evidence}")
