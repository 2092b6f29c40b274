"""The store, kept at arm's length: a thread reads and writes it, so that a network that is down holds nothing up.

Every value that others wait for is renewed, and read again, a few times a second: silence is a fact to act on.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from pipebench.errors import EnvironmentRefusedError
from pipebench.refusals import first_line
from pipebench.rendezvous.told import Told

_EVERY_S = 0.15
_WAIT_S = 20.0  # of one operation; what takes that long is lost anyway
_TO_OPEN_S = 60.0
_TICK_S = 0.05
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
                timeout=timedelta(seconds=_TO_OPEN_S),
            )
            store.set_timeout(timedelta(seconds=_WAIT_S))
            found.append(dist.PrefixStore(f"pipebench/{told.attempt or 0}", store))  # type: ignore[attr-defined]
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
    """A cluster may learn the name of a machine only when that is up.

    Raises:
        EnvironmentRefusedError: Nobody knows it.
    """
    until = time.monotonic() + _TO_OPEN_S
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
        time.sleep(min(_AGAIN_S, _TO_OPEN_S))


class _Heard(NamedTuple):
    """A value, and when it was first heard, on the monotonic clock."""

    value: bytes | None
    since_s: float


class Exchange:
    """What this process says under its own key, and what it hears under others.

    Beside each key there is one that its process renews all the while, so silence is heard.

    Args:
        store: of all ranks.
        own: this process's key.
    """

    def __init__(self, store: Any, own: str) -> None:
        self._store, self._own = store, own
        self._lock = threading.Lock()
        self._said: dict[str, bytes] = {}  # not in the store yet
        self._heard: dict[str, _Heard] = {}
        self._rounds = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, word: bytes) -> None:
        """This process's word, in the place of an earlier one."""
        self.put(self._own, word)

    def put(self, key: str, value: bytes) -> None:
        """Leave a value under a key of its own; what was put before it is there when it is."""
        with self._lock:
            self._said.pop(key, None)
            self._said[key] = value

    def want(self, keys: Iterable[str], *, processes: bool = False) -> None:
        """Listen to these keys from now on; those of processes are renewed."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                self._heard.setdefault(key, _Heard(None, now))
                if processes:
                    self._heard.setdefault(_alive(key), _Heard(None, now))

    def heard(self, key: str) -> bytes | None:
        """The last that was heard there."""
        return self._last(key).value

    def heard_s(self, key: str) -> float:
        """When that was first heard, on the monotonic clock."""
        return self._last(key).since_s

    def silent_s(self, key: str) -> float:
        """How long nothing was heard of the process whose key this is."""
        return time.monotonic() - self._last(_alive(key)).since_s

    def flush(self, within_s: float) -> bool:
        """Wait until everything said so far is in the store."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            with self._lock:
                if not self._said:
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
            # the network may be down: others see how long this process is silent, and it how long they are
            with contextlib.suppress(Exception):
                self._round()

    def _round(self) -> None:
        self._rounds += 1
        with self._lock:
            said = dict(self._said)
            known = [key for key, heard in self._heard.items() if heard.value is not None]
            new = [key for key, heard in self._heard.items() if heard.value is None]
        for key, value in said.items():
            self._store.set(key, value)
        self._store.set(_alive(self._own), str(self._rounds))
        there = known + [key for key in new if self._store.check([key])]
        values = self._store.multi_get(there) if there else []
        now = time.monotonic()
        with self._lock:
            for key, value in said.items():
                if self._said.get(key) is value:
                    del self._said[key]
            for key, value in zip(there, values, strict=True):
                if value != self._heard[key].value:
                    self._heard[key] = _Heard(value, now)


def _alive(key: str) -> str:
    """The key that the process of another one renews."""
    return f"{key}/alive"
