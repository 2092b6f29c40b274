"""What a CI system is told beside the exit code: a JUnit file, and on GitHub an annotation and a job summary.

Annotations go to stderr, which the runner reads as well, so that ``--json`` leaves nothing else on stdout.
"""

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipebench.cli import files, output
from pipebench.errors import ExitCode, PipebenchError
from pipebench.system import reasons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipebench.records.comparison import ComparisonRecord
    from pipebench.render.comparison.junit import Ran


GATES = ("check", "ab", "guard")  # the commands whose end a CI system is told
_JUNIT = "--junit"


@dataclass(frozen=True)
class Report:
    """A command that ends with a verdict, the JUnit file that it writes, if any, and since when it runs."""

    command: str
    junit: Path | None = None
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began_s: float = field(default_factory=time.monotonic)

    def ran(self) -> "Ran":
        """When and where the command ran until now, as JUnit says it."""
        from socket import gethostname

        from pipebench.render.comparison.junit import Ran

        return Ran(self.began, time.monotonic() - self._began_s, gethostname() or "localhost")


def conclude(record: "ComparisonRecord", report: Report, *, json: bool) -> int:
    """Print the verdict of a gate, and tell the CI system of it; the exit code that it means.

    Where the JUnit file cannot be written, the verdict is told all the same, and what would have been 0 is 7.
    """
    assert record.gate is not None
    trouble = _reported(record, report)
    print_comparison(record, json=json)
    if trouble is None:
        return record.gate.exit_code
    output.complain(str(trouble))
    return record.gate.exit_code or ExitCode.ENVIRONMENT


def check_junit(junit: Path | None) -> None:
    """Make sure that the JUnit file can be written, before anything is measured for it.

    Raises:
        UsageError: Its folder does not exist, the path is a folder, or something is there that must not be lost.
        EnvironmentRefusedError: It may not be written.
    """
    if junit is not None:
        files.check(_JUNIT, junit, "JUnit", lambda beginning: beginning.startswith(b"<"))


def print_comparison(record: "ComparisonRecord", *, json: bool) -> None:
    """Print it for people, or as it is stored."""
    if json:
        from pipebench.records import documents

        output.print_json(documents.encode(record))
    else:
        from pipebench.render.comparison.terminal import comparison_report

        output.print_report(partial(comparison_report, record))


@contextmanager
def errors_in_junit(report: Report) -> "Iterator[None]":
    """Write an error that leaves no verdict into the JUnit file; it goes on to whoever tells it to people."""
    try:
        yield
    except PipebenchError as error:
        if report.junit is not None:
            from pipebench.render.comparison.junit import junit_error

            try:
                text = junit_error(str(error), type(error).__name__, report.command, report.ran())
                _write(report.junit, text)
            except PipebenchError as trouble:
                output.complain(str(trouble))
        raise


def report_error(text: str, command: str) -> None:
    """Tell GitHub of an error that leaves no verdict."""
    if _on_github():
        from pipebench.render.comparison import github
        from pipebench.render.comparison.markdown import code

        output.annotate(github.annotation_of_error(text, command))
        _summarize(f"## pipebench {command}: error\n\n{code(text)}\n")


def _reported(record: "ComparisonRecord", report: Report) -> PipebenchError | None:
    """Tell the CI system; the error if the JUnit file cannot be written, else ``None``."""
    if _on_github():
        from pipebench.render.comparison import github, markdown
        from pipebench.render.comparison.words import verdict_text

        output.annotate(github.annotation_of_check(record, report.command))
        title = f"pipebench {report.command}: {verdict_text(record.overall.verdict)}"
        _summarize(f"## {title}\n\n{markdown.markdown(record)}\n")
    if report.junit is not None:
        from pipebench.render.comparison.junit import junit as junit_of

        try:
            _write(report.junit, junit_of(record, report.ran()))
        except PipebenchError as trouble:
            return trouble
    return None


def _on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _summarize(text: str) -> None:
    """Add to the job's summary. If that fails, the verdict and the exit code stay the same."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        where = f"GITHUB_STEP_SUMMARY={path}"
        output.notice(f"pipebench: no job summary: {where} cannot be written: {reasons.reason(error)}")


def _write(path: Path, text: str) -> None:
    """Write the JUnit file; one that is half written is removed."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        if path.is_file() and not path.is_symlink():
            with suppress(OSError):
                path.unlink()
        raise files.not_written(_JUNIT, path, error) from None
