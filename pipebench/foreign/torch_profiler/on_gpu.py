"""Times where stages compute on GPUs and NCCL carries messages. Never tried on a real trace.

This was written by the documentation of the format (kineto's Chrome trace), and tried on traces that tests make. There
a label of the main thread only says when kernels were launched; they run later, on streams of the GPU. A launch is an
event of ``cuda_runtime`` or ``cuda_driver``, and its kernels (``kernel``) carry its correlation id.

A forward or backward computes from the first start to the last end of the kernels launched inside of its label, by any
thread: autograd launches those of a backward from threads of its own, while the label's thread waits. NCCL's kernels
are messages instead: receives where they were launched inside of ``c10d::recv_`` or of a label ``PP:1RECV_F3``, sends
where it was inside of ``c10d::send`` or of ``PP:1SEND_F3``.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipebench.errors import CorruptRecordError
from pipebench.foreign.rows import COMPUTE
from pipebench.foreign.torch_profiler.events import Event, Trace
from pipebench.foreign.torch_profiler.pieces import RECEIVES, SENDS, Extent, Piece, piece, whole
from pipebench.foreign.torch_profiler.steps import Numbered

_KERNEL = "kernel"
_LAUNCHES = ("cuda_runtime", "cuda_driver")


class _Launched(NamedTuple):
    """A kernel with the time of its launch, in microseconds."""

    at: float
    kernel: Event

    @property
    def message(self) -> bool:
        """Whether it is one of NCCL's."""
        return "nccl" in self.kernel.name.lower()


def has_kernels(trace: Trace) -> bool:
    """Whether anything ran on a GPU."""
    return any(event.cat == _KERNEL for _, event in trace.events)


def timed(trace: Trace, labels: Sequence[Numbered]) -> list[Piece]:
    """The operations of one rank.

    Raises:
        CorruptRecordError: A forward or backward launched no kernel.
    """
    launched = _launched(trace)
    starts = [each.at for each in launched]
    receiving = _extents(trace, "c10d::recv_")
    pieces: list[Piece] = []
    for each in labels:
        label = each.label
        inside = launched[bisect_left(starts, label.start) : bisect_left(starts, label.end)]
        if label.operation in COMPUTE:
            pieces += _computed(trace, each, inside, receiving)
        else:
            moves = label.operation.startswith(("SEND", "RECV"))
            extent = _extent(kernel for kernel in inside if kernel.message or not moves) or whole(label)
            pieces.append(piece(each, label.operation, extent))
    return pieces


def _computed(
    trace: Trace, each: Numbered, inside: Sequence[_Launched], receiving: Sequence[Extent]
) -> list[Piece]:
    operation = each.label.operation
    extent = _extent(kernel for kernel in inside if not kernel.message)
    if extent is None:
        raise CorruptRecordError(
            f"{trace.path} event {each.label.number}: expected kernels launched inside of {operation} of microbatch "
            f"{each.label.microbatch}, got none; record with ProfilerActivity.CPU and ProfilerActivity.CUDA"
        )
    messages = [kernel for kernel in inside if kernel.message]
    came = _extent(kernel for kernel in messages if _within(kernel.at, receiving))
    went = _extent(kernel for kernel in messages if not _within(kernel.at, receiving))
    pieces = [piece(each, operation, extent)]
    if came and operation in RECEIVES:
        pieces.append(piece(each, RECEIVES[operation], came))
    if went and operation in SENDS:
        pieces.append(piece(each, SENDS[operation], went))
    return pieces


def _launched(trace: Trace) -> list[_Launched]:
    """All kernels whose launch was recorded, in the order of their launches."""
    kernels: dict[int | str, list[Event]] = defaultdict(list)
    for _, event in trace.events:
        if event.cat == _KERNEL and event.args and event.args.correlation is not None:
            kernels[event.args.correlation].append(event)
    launches = (event for _, event in trace.events if event.cat in _LAUNCHES and event.args)
    return sorted(
        (
            _Launched(launch.ts, kernel)
            for launch in launches
            if launch.args and launch.args.correlation is not None
            for kernel in kernels.get(launch.args.correlation, ())
        ),
        key=lambda each: each.at,
    )


def _extents(trace: Trace, name: str) -> list[Extent]:
    return sorted(Extent(event.ts, event.end) for _, event in trace.events if event.name == name)


def _within(at: float, extents: Sequence[Extent]) -> bool:
    place = bisect_right(extents, at, key=lambda extent: extent.start) - 1
    return place >= 0 and at <= extents[place].end


def _extent(launched: Iterable[_Launched]) -> Extent | None:
    """From the first start to the last end."""
    kernels = [each.kernel for each in launched]
    if not kernels:
        return None
    return Extent(min(kernel.ts for kernel in kernels), max(kernel.end for kernel in kernels))
