"""What each rank is doing, in a file that all ranks and the launcher map, so that the culprit of a hang can be named.

A rank writes a few bytes before each action, and sends or locks nothing. A victim of a hang waits for a message. The
culprit does not: it computes, or is in no action at all.
"""

import mmap
import struct
import time
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

_SLOT = struct.Struct("<qqd")  # state, action index, seconds on the monotonic clock


class State(IntEnum):
    """What a rank can be doing."""

    STARTING = 0
    COMPUTING = 1
    WAITING = 2
    IDLE = 3

    @property
    def words(self) -> str:
        """The state in words for a person."""
        return ("starting", "computing", "waiting for a message", "between steps")[self]


STARTING, COMPUTING, WAITING, IDLE = State  # short names, since a rank uses one before each action


class Beat(NamedTuple):
    """The last thing a rank wrote down."""

    state: State
    action: int
    since_s: float

    @property
    def doing(self) -> str:
        """The state in words."""
        return self.state.words


class Heartbeats:
    """A shared file with one slot for each rank."""

    def __init__(self, path: Path, ranks: int) -> None:
        self.ranks = ranks
        size = _SLOT.size * ranks
        if not path.exists():
            path.write_bytes(_SLOT.pack(STARTING, -1, time.monotonic()) * ranks)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)

    def beat(self, rank: int, state: State, action: int = -1) -> None:
        """Write down what ``rank`` does now."""
        _SLOT.pack_into(self._map, rank * _SLOT.size, state, action, time.monotonic())

    def read(self, rank: int) -> Beat:
        """What ``rank`` wrote last."""
        state, action, since_s = _SLOT.unpack_from(self._map, rank * _SLOT.size)
        return Beat(State(state), action, since_s)

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()


def culprit(beats: Iterable[Beat]) -> int | None:
    """The rank that holds up the others: of those that do not wait for a message, the one longest in its state.

    ``None`` if all ranks wait, for example for GPUs that have been given a whole step.
    """
    suspects = [(beat.since_s, rank) for rank, beat in enumerate(beats) if beat.state != WAITING]
    return min(suspects)[1] if suspects else None
