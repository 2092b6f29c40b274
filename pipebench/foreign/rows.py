"""What a file of somebody else's run holds: rows, each an operation of a device with its start and end.

Every reader turns its own format into these, so that all later code knows one form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

COMPUTE = ("F", "B", "I", "W")  # all other operations are kept and shown
SEND_FORWARD, SEND_BACKWARD = "SEND_F", "SEND_B"
FileKind = Literal["spans", "torch-profiler"]


class Row(NamedTuple):
    """One operation, on one clock for all rows of a step.

    Args:
        step: number of the optimizer step, any order.
        replica: which replica of the model, in data parallel training.
        device: which device within its replica.
        operation: ``F``, ``B``, ``I``, ``W``, or any other name.
        stage: which stage of the model.
        microbatch: ``None`` where the operation has none.
        start_s: when it began, in seconds.
        end_s: when it ended, likewise.
        file: index in ``Recording.files``.
        number: the number of the line or of the event in that file.
    """

    step: int
    replica: int
    device: int
    operation: str
    stage: int
    microbatch: int | None
    start_s: float
    end_s: float
    file: int = 0
    number: int = 0

    @property
    def length_s(self) -> float:
        """Seconds from start to end."""
        return self.end_s - self.start_s

    @property
    def name(self) -> str:
        """What it does, such as ``2F0`` or ``2OPTIMIZER``."""
        return f"{self.stage}{self.operation}{'' if self.microbatch is None else self.microbatch}"


class SourceFile(NamedTuple):
    """A file that rows are from.

    Args:
        path: its path, as text that JSON and terminals can hold.
        kind: what kind of file it is.
        sha256: the hash of its bytes, unpacked, in hexadecimal.
        rows: how many rows it has.
    """

    path: str
    kind: FileKind
    sha256: str
    rows: int


@dataclass(frozen=True)
class Recording:
    """All rows of all files, and what their readers had to assume, in sentences."""

    files: Sequence[SourceFile]
    rows: Sequence[Row]
    notices: Sequence[str] = field(default_factory=tuple)

    def place(self, row: Row) -> str:
        """Where a row is, for an error: its file and line, and what it does."""
        source = self.files[row.file]
        unit = "line" if source.kind == "spans" else "event"
        return f"{source.path} {unit} {row.number} ({row.name})"
