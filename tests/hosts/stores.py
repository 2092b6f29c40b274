"""A store in this process, and a network that can be cut."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from pipebench.hosts.exchange import Exchange
from pipebench.hosts.words import status_key


class Store:
    """What torch's stores do, for the threads of one process."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.reads: Counter[str] = Counter()
        self.lock = threading.Lock()

    def set(self, key: str, value: str | bytes) -> None:
        with self.lock:
            self.values[key] = value.encode() if isinstance(value, str) else value

    def check(self, keys: Sequence[str]) -> bool:
        with self.lock:
            return all(key in self.values for key in keys)

    def multi_get(self, keys: Sequence[str]) -> list[bytes]:
        with self.lock:
            self.reads.update(keys)
            return [self.values[key] for key in keys]

    def leave(self, key: str, value: bytes) -> None:
        """As an exchange does."""
        self.set(f"{key}/0", value)
        self.set(key, "1")


class Line:
    """One process's line to the store; it can be cut."""

    def __init__(self, store: Store) -> None:
        self.store, self.cut = store, False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if self.cut:
            raise RuntimeError("the network is down")
        found: Callable[..., Any] = getattr(self.store, name)
        return found


def exchange(store: Store, rank: int) -> tuple[Exchange, Line]:
    line = Line(store)
    return Exchange(line, status_key(rank)), line
