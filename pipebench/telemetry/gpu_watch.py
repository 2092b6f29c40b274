"""The GPUs of a run: what they are before it, and what their clocks did while it was timed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipebench.telemetry.gpus import Gpu, Reading, Value, driver_versions, gpus, readings


@dataclass
class GpuWatch:
    """Readings of the first ``count`` visible GPUs, gathered while a run is timed.

    Args:
        count: of GPUs in the run.
        ask: reads all visible GPUs now.
    """

    count: int
    ask: Callable[[], list[Reading]] = readings
    before: list[Gpu] = field(default_factory=list)
    taken: list[list[Reading]] = field(default_factory=list)

    def start(self) -> dict[str, Value]:
        """What the GPUs are, and what else computes on them, before anything of this run does."""
        self.before = gpus()[: self.count]
        found = driver_versions()
        for number, gpu in enumerate(self.before):
            found[f"gpu{number}_name"] = gpu.name
            found[f"gpu{number}_memory_bytes"] = gpu.memory_bytes
            found[f"gpu{number}_other_processes"] = ", ".join(gpu.processes)
        return found

    def read(self) -> None:
        """One more reading, taken while the GPUs work."""
        self.taken.append(self.ask()[: self.count])

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
