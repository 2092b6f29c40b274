"""From the traces of all ranks to rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipebench.errors import UsageError
from pipebench.foreign.rows import Recording, Row, SourceFile
from pipebench.foreign.torch_profiler import on_cpu, on_gpu
from pipebench.foreign.torch_profiler.document import read
from pipebench.foreign.torch_profiler.events import Trace, read_events
from pipebench.foreign.torch_profiler.labels import Label, labels_of, stages_of, windows_of
from pipebench.foreign.torch_profiler.pieces import Piece
from pipebench.foreign.torch_profiler.pipelines import Place, places_of
from pipebench.foreign.torch_profiler.steps import Numbered, Rank, steps_of


class _File(NamedTuple):
    """One file that was read: its rank's events and labels."""

    sha256: str
    trace: Trace
    labels: Sequence[Label]


class _Clock(NamedTuple):
    """What each trace's times count from, in microseconds; ``None`` where it is not known; ``notices`` say so."""

    origins: Sequence[float | None]
    notices: Sequence[str]


def read_traces(paths: Sequence[Path]) -> Recording:
    """Read the traces of one run, a file a rank, in any order.

    A row is an operation of a stage as ``torch.distributed.pipelining`` labels it, without the wait for its input.
    Sends and receives are rows of their own (``SEND_F``, ``RECV_B``). Times count from the earliest row.

    Raises:
        UsageError: A file is not there, or a rank is missing or there twice.
        CorruptRecordError: A file is no trace of ``torch.distributed.pipelining``, or no step is whole.
    """
    if not paths:
        raise UsageError("expected traces of torch.profiler, one file a rank, got none")
    files = [_read(path) for path in paths]
    traces = [file.trace for file in files]
    places, place_notices = places_of(traces, [stages_of(file.labels) for file in files])
    origins, clock_notices = _clock(traces)
    ranks = [
        Rank(file.labels, windows_of(file.trace), origin) for file, origin in zip(files, origins, strict=True)
    ]
    steps, step_notices = steps_of(ranks)
    pieces = [_timed(trace, labels) for trace, labels in zip(traces, steps, strict=True)]
    rows = _rows(pieces, places, [origin or 0.0 for origin in origins])
    sources = [
        SourceFile(file.trace.path, "torch-profiler", file.sha256, len(own))
        for file, own in zip(files, pieces, strict=True)
    ]
    return Recording(sources, rows, (*place_notices, *clock_notices, *step_notices))


def _read(path: Path) -> _File:
    document = read(path)
    trace = read_events(document)
    return _File(document.sha256, trace, labels_of(trace))


def _clock(traces: Sequence[Trace]) -> _Clock:
    bases = [trace.base_ns for trace in traces]
    known = [base for base in bases if base is not None]
    if len(known) == len(bases):
        return _Clock([(base - min(known)) / 1000 for base in known], ())
    notice = (
        "not all files tell what their times count from (baseTimeNanoseconds): times are compared as they are"
    )
    return _Clock([None] * len(traces), (notice,))


def _timed(trace: Trace, labels: Sequence[Numbered]) -> list[Piece]:
    if on_gpu.has_kernels(trace):
        return on_gpu.timed(trace, labels)
    return on_cpu.timed(trace, labels)


def _rows(pieces: Sequence[Sequence[Piece]], places: Sequence[Place], origins: Sequence[float]) -> list[Row]:
    """All rows, in seconds from the earliest start."""
    begin = min(piece.start + origin for own, origin in zip(pieces, origins, strict=True) for piece in own)
    return [
        _row(piece, places[file], origins[file] - begin, file)
        for file, own in enumerate(pieces)
        for piece in own
    ]


def _row(piece: Piece, place: Place, origin: float, file: int) -> Row:
    return Row(
        piece.step,
        place.replica,
        place.device,
        piece.operation,
        place.device if piece.stage is None else piece.stage,
        piece.microbatch,
        (piece.start + origin) / 1e6,
        (piece.end + origin) / 1e6,
        file,
        piece.number,
    )
