"""A measurement of two sides in turn with a verdict, as ``ab`` and ``guard`` make one: what is told of its end."""

from typing import TYPE_CHECKING, Protocol

from pipebench.cli import ci, output

if TYPE_CHECKING:
    from pipebench.records.comparison import ComparisonRecord
    from pipebench.records.keeping import Kept
    from pipebench.run.listener import Listener


class Session(Protocol):
    """What ``ab`` or ``guard`` was asked to measure."""

    def measure(self, listener: "Listener", *, allow_inconclusive: bool) -> "ComparisonRecord":
        """Measure both sides in turn."""


def concluded(
    session: Session, report: ci.Report, *, allow_inconclusive: bool, json: bool, quiet: bool
) -> int:
    """Measure and print the verdict; the exit code. If the session ends early, say where its records are."""
    from pipebench.ab.interleaving import EndedError, NotKeptError
    from pipebench.render.progress import ProgressView
    from pipebench.system.signals import orderly_end

    try:
        with orderly_end(), ProgressView(output.stderr(), quiet=quiet) as view:
            record = session.measure(view, allow_inconclusive=allow_inconclusive)
    except EndedError as error:
        for kept in error.kept:
            _tell(kept)
        raise error.cause from None
    except NotKeptError as error:
        code = ci.conclude(error.record, report, json=json)
        output.complain(str(error))
        return code or error.exit_code
    return ci.conclude(record, report, json=json)


def _tell(kept: "Kept") -> None:
    """Say where a side's launches are kept, and why that is another place than asked for."""
    if kept.trouble is not None:
        output.complain(kept.trouble)
    if kept.path is None:
        return
    output.notice(f"kept: {output.show_command(kept.path)}")
    log = kept.record.failure.log if kept.record.failure is not None else None
    if log is not None:
        output.notice(f"its stderr: {output.shown(kept.path.with_name(log))}")
