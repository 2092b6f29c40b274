"""The store of all ranks. A thread of its own reads and writes it, so that a network that is down holds nothing up.

Every value that others wait for is renewed, and read again, a few times a second, so that silence is noticed.
"""

import socket
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from pipebench.errors import EnvironmentRefusedError
from pipebench.launching.rendezvous.told import Told
from pipebench.system.refusals import first_line

_EVERY_S = 0.15
_WAIT_S = 20.0  # of one operation; what takes that long is lost anyway
TO_COME_S = 180.0  # until the others are there; a container may take long to start
_TICK_S = 0.05
_PIECE_BYTES = 4 * 2**20  # torch's store drops a connection that sends more than 8 MiB at once
_AGAIN_S = 1.0


def opened(told: Told) -> Any:
    """The store of all ranks; the thread that waits for it may be interrupted.

    Raises:
        EnvironmentRefusedError: It cannot be reached, or rank 0 cannot listen there.
    """
    import torch.distributed as dist  # noqa: PLC0415 - only where there are several machines

    _wait_for_name(told)
    listens = told.rank == 0 and not told.store_is_there
    found: list[Any] = []

    def open_it() -> None:
        try:
            store = dist.TCPStore(  # type: ignore[attr-defined]
                told.address,
                told.port,
                is_master=listens,
                wait_for_workers=False,
                timeout=timedelta(seconds=TO_COME_S),
            )
            store.set_timeout(timedelta(seconds=_WAIT_S))
            found.append(dist.PrefixStore(f"pipebench/{told.job}", store))  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 - told below, by the thread that waits
            found.append(error)

    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_TICK_S)
    if isinstance(found[0], Exception):
        what = "listen" if listens else "be reached"
        raise EnvironmentRefusedError(
            f"{told.launcher}: the store of all ranks cannot {what} at {told.address} port {told.port} "
            f"({first_line(found[0])}): see that MASTER_ADDR is the machine of rank 0, that this machine knows its "
            "name, and that no firewall or other job is in the way"
        ) from found[0]
    return found[0]


def _wait_for_name(told: Told) -> None:
    """Wait until the name of rank 0's machine is known: a cluster may learn a name only when the machine is up.

    Raises:
        EnvironmentRefusedError: The name is still not known.
    """
    until = time.monotonic() + TO_COME_S
    while True:
        try:
            socket.getaddrinfo(told.address, told.port, type=socket.SOCK_STREAM)
        except OSError as error:
            if time.monotonic() > until:
                raise EnvironmentRefusedError(
                    f"{told.launcher}: the machine of rank 0, {told.address}, is not known by that name here "
                    f"({error.strerror or error}): set MASTER_ADDR to an address of it, or make the name known"
                ) from error
        else:
            return
        time.sleep(_AGAIN_S)


class _Heard(NamedTuple):
    """A value, and when it was first heard, on the monotonic clock."""

    value: bytes | None
    since_s: float


class Exchange:
    """What this process says under its own key, and what it hears under others.

    A process's word is read again and again. What is left under another key is there for good: it is read once, in
    pieces. Beside its own key each process has one that it renews all the time, so that silence is noticed.

    Args:
        store: the store of all ranks.
        own: this process's key.
    """

    def __init__(self, store: Any, own: str) -> None:
        self._store, self._own = store, own
        self._lock = threading.Lock()
        self._word: bytes | None = None
        self._to_leave: list[tuple[str, bytes]] = []
        self._heard: dict[str, _Heard] = {}
        self._found: dict[str, bytes | None] = {}
        self._trouble = ""
        self._rounds = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """Why the last round broke off, in brackets; empty if it did not."""
        return self._trouble

    def say(self, word: bytes) -> None:
        """Say a word in place of the earlier one; what was left before is in the store when the word is."""
        with self._lock:
            self._word = word

    def leave(self, key: str, value: bytes) -> None:
        """Leave a value under a key, for good."""
        with self._lock:
            self._to_leave.append((key, value))

    def want(self, keys: Iterable[str]) -> None:
        """Listen to the processes with these keys from now on."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                self._heard.setdefault(key, _Heard(None, now))
                self._heard.setdefault(_alive(key), _Heard(None, now))

    def look_for(self, keys: Iterable[str]) -> None:
        """Look for what others leave under these keys."""
        with self._lock:
            for key in keys:
                self._found.setdefault(key, None)

    def found(self, key: str) -> bytes | None:
        """What was left under a key; ``None`` as long as nothing was."""
        with self._lock:
            return self._found[key]

    def heard(self, key: str) -> bytes | None:
        """A process's last word."""
        return self._last(key).value

    def heard_s(self, key: str) -> float:
        """When a process's last word was first heard, on the monotonic clock."""
        return self._last(key).since_s

    def has_come(self, key: str) -> bool:
        """Whether anything was ever heard of the process."""
        return self._last(_alive(key)).value is not None

    def silent_s(self, key: str) -> float:
        """How long nothing was heard of the process."""
        return time.monotonic() - self._last(_alive(key)).since_s

    def flush(self, within_s: float) -> bool:
        """Wait until everything said so far is in the store."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            with self._lock:
                if self._word is None and not self._to_leave:
                    return True
            time.sleep(_TICK_S)
        return False

    def close(self) -> None:
        """Say and hear no more."""
        self._over.set()
        self._thread.join(2 * _EVERY_S)

    def _last(self, key: str) -> _Heard:
        with self._lock:
            return self._heard[key]

    def _run(self) -> None:
        while not self._over.wait(_EVERY_S):
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - the network may be down: how long all are silent decides
                self._trouble = f" ({first_line(error)})"
            else:
                self._trouble = ""

    def _round(self) -> None:
        self._rounds += 1
        with self._lock:
            word, left, heard = self._word, list(self._to_leave), dict(self._heard)
            missing = [key for key, value in self._found.items() if value is None]
        for key, value in left:
            self._leave(key, value)
        if word is not None:
            self._store.set(self._own, word)
        self._store.set(_alive(self._own), str(self._rounds))
        there = [key for key, last in heard.items() if last.value is not None or self._store.check([key])]
        values = self._store.multi_get(there) if there else []
        now = time.monotonic()
        with self._lock:
            self._word = None if self._word is word else self._word
            del self._to_leave[: len(left)]
            for key, value in zip(there, values, strict=True):
                if value != self._heard[key].value:
                    self._heard[key] = _Heard(value, now)
        for key in missing:
            if self._store.check([key]):
                value = self._fetch(key)
                with self._lock:
                    self._found[key] = value

    def _leave(self, key: str, value: bytes) -> None:
        """Write the pieces of a value, and then how many there are."""
        pieces = [value[start : start + _PIECE_BYTES] for start in range(0, len(value), _PIECE_BYTES)]
        for number, piece in enumerate(pieces):
            self._store.set(f"{key}/{number}", piece)
        self._store.set(key, str(len(pieces)))

    def _fetch(self, key: str) -> bytes:
        (number,) = self._store.multi_get([key])
        return b"".join(piece for n in range(int(number)) for piece in self._store.multi_get([f"{key}/{n}"]))


def _alive(key: str) -> str:
    """The key beside a process's own that it renews all the time."""
    return f"{key}/alive"
