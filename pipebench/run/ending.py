"""How a run ends that was not completed, or not stored: what is known then, to be told to the user."""

from pathlib import Path

from pipebench.errors import EnvironmentRefusedError, ExitCode, PipebenchError
from pipebench.records.keeping import Kept
from pipebench.records.schema import Failure
from pipebench.system import names, pasting, reasons


class RunEndedError(Exception):
    """A run that did not complete: the cause, and the record that keeps its complete launches.

    Args:
        cause: what ended it.
        kept: the record, and where it lies.
    """

    def __init__(self, cause: PipebenchError, kept: Kept) -> None:
        super().__init__(str(cause))
        self.cause, self.kept = cause, kept
        log = kept.record.failure.log if kept.record.failure is not None else None
        self.log = kept.path.with_name(log) if kept.path is not None and log is not None else None

    @property
    def path(self) -> Path:
        """The record's file, where it could be written."""
        assert self.kept.path is not None, self.kept.trouble
        return self.kept.path

    @property
    def launches(self) -> int:
        """How many launches were complete."""
        return len(self.kept.record.launches)


class NotStoredError(EnvironmentRefusedError):
    """A completed run whose record could not be written into its folder; ``kept`` has it."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept.trouble)
        self.kept = kept


def refusal(error: OSError) -> EnvironmentRefusedError:
    """What the system refused in the midst of a run, as an error for the user."""
    where = f"{names.path_text(Path(error.filename))}: " if isinstance(error.filename, str) else ""
    return EnvironmentRefusedError(f"{where}the system refuses: {reasons.reason(error)}")


def failure_of(error: Exception) -> Failure:
    """What ended a measurement, as its record holds it: an error of the user's, or a bug of ours by its name."""
    if isinstance(error, PipebenchError):
        return Failure(exit_code=int(error.exit_code), message=str(error))
    return Failure(exit_code=int(ExitCode.BUG), message=f"a bug in pipebench: {error!r}")


def note(bug: Exception, path: Path | None, trouble: str | None, launches: int) -> None:
    """Say below a bug's traceback where its complete launches are, or why they are nowhere."""
    if trouble is not None:
        bug.add_note(trouble)
    if path is not None:
        bug.add_note(
            f"kept: complete launches: {launches}, {pasting.command('show', pasting.path_word(path))}"
        )
