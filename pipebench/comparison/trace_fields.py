"""The fields in which two recorded runs must match to be compared, and those that may drift."""

from collections.abc import Callable, Mapping

from pipebench.records.trace import FileKind, TraceRecord

HARD = (
    "schema.version",
    "kind",
    "plan.stages",
    "plan.devices",
    "plan.device_of",
    "plan.microbatches",
    "plan.split_backward",
)
NAMED = HARD[2:]
REPLICAS = "replicas"
DRIFT = (REPLICAS, "files", "plan.order")

# Fields of runs, each with the field of recorded runs that means the same.
AS_OF_A_RUN: Mapping[str, str] = {"config.microbatches": "plan.microbatches"}


COMPUTED: Mapping[str, Callable[[TraceRecord], str]] = {
    "plan.device_of": lambda record: ",".join(map(str, record.plan.device_of)),
    REPLICAS: lambda record: str(record.replicas),
    "files": lambda record: " and ".join(kinds_of(record)),
}


def kinds_of(record: TraceRecord) -> list[FileKind]:
    """The kinds of files that it was read from, each once."""
    return sorted({file.kind for file in record.files})
