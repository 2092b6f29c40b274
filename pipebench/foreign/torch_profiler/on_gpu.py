"""Times where stages compute on GPUs and NCCL carries messages.

A label of the main thread only says when kernels were launched. They run later, on streams of the GPU. A launch is an
event of ``cuda_runtime`` or ``cuda_driver``, and its kernels (``kernel``) carry its correlation id. This was tried on
traces of torch 2.11 with NCCL 2.32, of two and four ranks that shared one H100.

A forward or backward computes from the first start to the last end of the kernels launched inside of its label, by any
thread: autograd launches those of a backward from threads of its own, while the label's thread waits.

NCCL's kernels are messages instead. In ``PP:1RECV_F3`` and ``PP:1SEND_F3`` the label says whether they receive or send.
In ``Forward 3`` they do what was asked for last before the launch, ``c10d::recv_`` or ``c10d::send``: a batch of
messages is launched after all of them were asked for, in a ``nccl:coalesced`` that follows.

A half of a backward may have nothing to launch: ``I`` on the first stage, whose input needs no gradient, and ``W`` on a
stage without parameters. It then takes no time, at the moment when its turn comes.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipebench.errors import CorruptRecordError
from pipebench.foreign.rows import COMPUTE
from pipebench.foreign.torch_profiler.events import Event, Trace
from pipebench.foreign.torch_profiler.pieces import (
    RECEIVES,
    SENDS,
    Extent,
    Piece,
    needs,
    piece,
    received,
    whole,
)
from pipebench.foreign.torch_profiler.steps import Numbered

_KERNEL = "kernel"
_RECV, _SEND = "c10d::recv_", "c10d::send"
_HALVES = ("I", "W")
_LAUNCHES = ("cuda_runtime", "cuda_driver")


class _Post(NamedTuple):
    """A send or receive that was asked for, in microseconds."""

    at: float
    receives: bool


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
        CorruptRecordError: A forward or a whole backward launched no kernel.
    """
    launched = _launched(trace)
    starts = [each.at for each in launched]
    posts = _posts(trace)
    arrivals: dict[tuple[int, str | None, int | None, int | None], float] = {}
    pieces: list[Piece] = []
    done = 0.0  # when the device has computed all that earlier labels launched
    for each in labels:
        label = each.label
        inside = launched[bisect_left(starts, label.start) : bisect_left(starts, label.end)]
        if label.operation in COMPUTE:
            turn = max(label.start, done, arrivals.get(needs(each), 0.0))
            pieces += _computed(trace, each, inside, posts, turn)
        else:
            moves = label.operation.startswith(("SEND", "RECV"))
            extent = _extent(kernel for kernel in inside if kernel.message or not moves) or whole(label)
            pieces.append(piece(each, label.operation, extent))
            arrivals[received(each)] = extent.end
        done = max([done, *(kernel.kernel.end for kernel in inside if not kernel.message)])
    return pieces


def _computed(
    trace: Trace, each: Numbered, inside: Sequence[_Launched], posts: Sequence[_Post], turn: float
) -> list[Piece]:
    operation = each.label.operation
    extent = _extent(kernel for kernel in inside if not kernel.message)
    if extent is None and operation in _HALVES:
        extent = Extent(turn, turn)
    if extent is None:
        raise CorruptRecordError(
            f"{trace.path} event {each.label.number}: expected kernels launched inside of {operation} of microbatch "
            f"{each.label.microbatch}, got none; record with ProfilerActivity.CPU and ProfilerActivity.CUDA"
        )
    messages = [kernel for kernel in inside if kernel.message]
    came = _extent(kernel for kernel in messages if _receives(kernel.at, posts))
    went = _extent(kernel for kernel in messages if not _receives(kernel.at, posts))
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


def _posts(trace: Trace) -> list[_Post]:
    """The sends and receives that were asked for, in the order of time."""
    return sorted(
        _Post(event.ts, event.name == _RECV) for _, event in trace.events if event.name in (_RECV, _SEND)
    )


def _receives(at: float, posts: Sequence[_Post]) -> bool:
    """Whether a message that was launched at this time is a receive."""
    place = bisect_right(posts, at, key=lambda post: post.at) - 1
    return place >= 0 and posts[place].receives


def _extent(launched: Iterable[_Launched]) -> Extent | None:
    """From the first start to the last end."""
    kernels = [each.kernel for each in launched]
    if not kernels:
        return None
    return Extent(min(kernel.ts for kernel in kernels), max(kernel.end for kernel in kernels))
