"""A trace as the events of one rank. Fields that are not needed here are not decoded."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder, decode

from pipebench.errors import CorruptRecordError
from pipebench.foreign.torch_profiler.document import Document

_CATEGORIES = frozenset({"user_annotation", "kernel", "cuda_runtime", "cuda_driver"})
_MESSAGES = frozenset({"c10d::send", "c10d::recv_", "gloo:recv"})
_MOST_RANKS = 1 << 20
_LONGEST_US = 1e17  # thousands of years
_HOW = "write it with export_chrome_trace of torch.profiler, one file a rank"


class Args(Struct, frozen=True):
    """What ties a kernel to its launch."""

    correlation: int | str | None = None


class Event(Struct, frozen=True):
    """One event of the trace; ``ts`` and ``dur`` in microseconds."""

    ph: str = ""
    cat: str = ""
    name: str = ""
    pid: int | str = 0
    tid: int | str = 0
    ts: float = 0.0
    dur: float = 0.0
    args: Args | None = None

    @property
    def end(self) -> float:
        """The end, in microseconds."""
        return self.ts + self.dur

    @property
    def thread(self) -> tuple[int | str, int | str]:
        """Process and thread."""
        return self.pid, self.tid


class Group(Struct, frozen=True):
    """A process group that the rank is in: what it is for, and its members' ranks."""

    pg_desc: str = ""
    ranks: list[int] = []


class _Distributed(Struct, frozen=True):
    rank: int
    world_size: int | None = None
    pg_config: Raw = Raw(b"[]")


class _Trace(Struct, frozen=True):
    traceEvents: list[Event] | None = None  # noqa: N815 - the format's names
    distributedInfo: _Distributed | None = None  # noqa: N815
    baseTimeNanoseconds: int | None = None  # noqa: N815


_DECODER = Decoder(_Trace)


class Trace(NamedTuple):
    """What one rank recorded.

    Args:
        path: the path of its file.
        rank: its number in the whole world.
        world: how many ranks there are; ``None`` where the file does not say.
        groups: the process groups that the rank is in, as far as the file says.
        base_ns: what the times count from, since 1970; ``None`` in old files.
        events: labels, messages, kernels and their launches, by their index in the file.
    """

    path: str
    rank: int
    world: int | None
    groups: Sequence[Group]
    base_ns: int | None
    events: Sequence[tuple[int, Event]]


def read_events(document: Document) -> Trace:
    """The events of a rank.

    Raises:
        CorruptRecordError: It is no rank's trace: no JSON, no ``traceEvents``, no ``distributedInfo``, or a wrong time.
    """
    where = document.path
    try:
        found = _DECODER.decode(document.content)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptRecordError(
            f"{where}: expected a trace as JSON, got something else ({error}); {_HOW}"
        ) from None
    if found.traceEvents is None:
        raise CorruptRecordError(f"{where}: expected a trace, got JSON without traceEvents; {_HOW}")
    told = found.distributedInfo
    if told is None or not 0 <= told.rank < (told.world_size or _MOST_RANKS) <= _MOST_RANKS:
        raise CorruptRecordError(
            f"{where}: expected a trace of torch.profiler with a rank in distributedInfo, got none; start the profiler "
            "after init_process_group"
        )
    groups = _groups(told.pg_config)
    events = [each for each in enumerate(found.traceEvents) if each[1].ph == "X"]
    events = [each for each in events if each[1].cat in _CATEGORIES or each[1].name in _MESSAGES]
    _check_times(
        events, where
    )  # not those of other events: these are not needed, and one that was cut has a length below 0
    return Trace(where, told.rank, told.world_size, groups, found.baseTimeNanoseconds, events)


def _groups(config: Raw) -> list[Group]:
    """The groups, or none where another version wrote them in another form."""
    try:
        return decode(config, type=list[Group])
    except (DecodeError, UnicodeDecodeError):
        return []


def _check_times(events: Sequence[tuple[int, Event]], where: str) -> None:
    for number, event in events:
        if not (0 <= event.ts <= _LONGEST_US and 0 <= event.dur <= _LONGEST_US):
            raise CorruptRecordError(
                f"{where} event {number} ({event.name}): expected times from 0 to 1e17, "
                f"got ts {event.ts:g}, dur {event.dur:g}"
            )
