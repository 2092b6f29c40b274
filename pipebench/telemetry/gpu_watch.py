"""The GPUs of a run: what they are before it, and what their clocks did while it was timed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipebench.telemetry.gpus import Gpu, Reading, Value, driver_open, driver_versions, gpus, readings

_EVERY_S = 0.05


@dataclass
class GpuWatch:
    """Readings of the first ``count`` visible GPUs, taken twenty times a second while launches are timed.

    In a baseline's steps all GPUs but one rest, and between steps all do: the lowest clocks come from such moments.

    Args:
        count: how many GPUs the run has.
        ask: reads all visible GPUs now.
    """

    count: int
    ask: Callable[[], list[Reading]] = readings
    before: list[Gpu] = field(default_factory=list)
    taken: list[list[Reading]] = field(default_factory=list)
    _over: threading.Event | None = None
    _thread: threading.Thread | None = None

    def start(self) -> dict[str, Value]:
        """What the GPUs are, and what else computes on them, before anything of this run does."""
        self.before = gpus()[: self.count]
        found = driver_versions()
        for number, gpu in enumerate(self.before):
            found[f"gpu{number}_name"] = gpu.name
            found[f"gpu{number}_memory_bytes"] = gpu.memory_bytes
            found[f"gpu{number}_other_processes"] = ", ".join(gpu.processes)
        return found

    def begin(self) -> None:
        """Read from now on, in a thread; does nothing if it does already."""
        if self._thread is None:
            self._over = threading.Event()
            self._thread = threading.Thread(target=self._read, args=(self._over,), daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Read no more."""
        if self._thread is not None and self._over is not None:
            self._over.set()
            self._thread.join()
            self._thread = None

    def _read(self, over: threading.Event) -> None:
        with driver_open():  # once for all readings
            while True:
                self.taken.append(self.ask()[: self.count])
                if over.wait(_EVERY_S):
                    return

    def environment(self) -> dict[str, Value]:
        """The span of clocks and temperatures over all readings, and every reason for lower clocks."""
        found: dict[str, Value] = {}
        for number, of_one in enumerate(zip(*self.taken, strict=False)):
            found |= _spans(number, of_one)
        return found


def _spans(number: int, taken: Sequence[Reading]) -> dict[str, Value]:
    reasons = sorted(set[str]().union(*(reading.throttle_reasons for reading in taken)))
    found: dict[str, Value] = {f"gpu{number}_throttle_reasons": ", ".join(reasons)}
    for name in ("sm_clock_hz", "memory_clock_hz", "temperature_c"):
        values = [value for reading in taken if (value := getattr(reading, name)) is not None]
        for word, choose in (("least", min), ("most", max)):
            found[f"gpu{number}_{name}_{word}"] = choose(values) if values else None
    return found
