"""How a run ends that is not completed and stored: what is known then, for whoever tells the user."""

from pathlib import Path

from pipebench import reasons
from pipebench.errors import EnvironmentRefusedError, PipebenchError
from pipebench.records import store
from pipebench.records.keeping import Kept


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
        """Those that were complete."""
        return len(self.kept.record.launches)


class NotStoredError(EnvironmentRefusedError):
    """A completed run whose record could not be written into its folder; ``kept`` has it."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept.trouble)
        self.kept = kept


def refusal(error: OSError) -> EnvironmentRefusedError:
    """What the system refused in the midst of a run, as an error for the user."""
    where = f"{store.path_text(Path(error.filename))}: " if isinstance(error.filename, str) else ""
    return EnvironmentRefusedError(f"{where}the system refuses: {reasons.reason(error)}")
