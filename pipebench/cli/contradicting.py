"""Records whose summary is not what their samples say: whoever looks at one is told on stderr."""

from typing import TYPE_CHECKING

from pipebench.cli import output

if TYPE_CHECKING:
    from pipebench.records.documents import AnyRecord


def tell(record: "AnyRecord") -> None:
    """Say where a completed run's stored summary is not what its samples say."""
    from pipebench.comparison.contradictions import contradictions
    from pipebench.comparison.metrics import samples
    from pipebench.errors import CorruptRecordError
    from pipebench.records.run import CompletedRun

    if not isinstance(record, CompletedRun):
        return
    try:
        found = contradictions(record, samples(record))
    except CorruptRecordError as error:
        found = [str(error)]
    for line in found:
        output.notice(f"pipebench: contradiction: {line}")
