"""What recording every action's start and end costs a step: with and without it, in turn, in one process.

Usage: python benchmarks/overhead/measure.py emulated|cpu|cuda [ROUNDS]    prints a table's rows, and JSON to stderr

The last two columns are the cost of one reading by itself, in a loop, and what all of a step's readings are of it.

Without recording, the same step runs with a clock that is not read at its actions: on emulated devices one that always
says 0, on real ranks marks that are left out but for those around the whole step.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

SHAPES = {
    "emulated": (
        {"gpus": 8},
        {"gpus": 8, "schedule": "wavefront"},
        {"gpus": 8, "preset": "tiny"},
        {"gpus": 8, "preset": "tiny", "schedule": "wavefront", "microbatches": 4, "chunks": 16},
    ),
    "cpu": ({"gpus": 2}, {"gpus": 2, "schedule": "wavefront"}, {"gpus": 2, "preset": "tiny"}),
    "cuda": (
        {"gpus": 1},
        {"gpus": 1, "schedule": "wavefront"},
        {"gpus": 1, "hidden": 1024},
        {"gpus": 1, "preset": "tiny"},
    ),
}
TURN = (True, False, False, True)
_READINGS = 2000


def main() -> None:
    """Measure one kind of device on all of its shapes."""
    kind, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
    for shape in SHAPES[kind]:
        found = emulated(shape, rounds) if kind == "emulated" else ranks(kind, shape, rounds)
        with_s, without_s = median(found["with"]), median(found["without"])
        ratios = [one / other for one, other in zip(found["with"], found["without"], strict=True)]
        low, high = interval(ratios)
        name = ", ".join(f"{key} {value}" for key, value in shape.items())
        print(
            f"| {kind} | {name} | {found['spans']} | {1e3 * without_s:.1f} ms | "
            f"{100 * (median(ratios) - 1):+.2f} % | {100 * (low - 1):+.2f} to {100 * (high - 1):+.2f} % | "
            f"{1e6 * found['reading_s']:.2f} us | {100 * found['readings'] * found['reading_s'] / with_s:.2f} % |",
            flush=True,
        )
        print(json.dumps({"kind": kind, "shape": shape} | found), file=sys.stderr)


def interval(ratios: list[float]) -> tuple[float, float]:
    """95 %, Student's t on the logarithms."""
    from pipebench.statistics import ratio_interval

    _, low, high = ratio_interval(ratios)
    assert low is not None
    assert high is not None
    return low, high


def configured(kind: str, shape: dict[str, Any]) -> Any:
    """The run, decided."""
    from pipebench.config.resolving import resolve
    from pipebench.config.run_config import RunOptions

    return resolve(RunOptions(device=kind, synthetic=True, **shape))


def in_turn(rounds: int, step: Callable[[bool], float]) -> dict[str, list[float]]:
    """A, B, B, A: the mean of each pair of either, a round."""
    for recorded in (True, False):
        step(recorded)
    found: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(rounds):
        seconds = [step(recorded) for recorded in TURN]
        found["with"].append((seconds[0] + seconds[3]) / 2)
        found["without"].append((seconds[1] + seconds[2]) / 2)
    return found


def emulated(shape: dict[str, Any], rounds: int) -> dict[str, Any]:
    """CPU seconds of this thread, of all emulated devices together."""
    import torch

    from pipebench.launching import messages
    from pipebench.launching.process import keep_memory
    from pipebench.measuring.pair import EmulatedPair
    from pipebench.models.registry import given_to, network_for

    keep_memory()
    torch.set_num_threads(1)
    config = configured("emulated", shape)
    data = given_to(config).data
    pair = EmulatedPair(messages.Job(config=config, data=data), network_for(config, data))
    pipeline, batch = pair.pipeline, pair.batches[0]

    def step(recorded: bool) -> float:
        pipeline.clock = time.thread_time if recorded else no_time
        start = time.thread_time()
        pipeline.step(batch)
        seconds = time.thread_time() - start
        pipeline.release()
        return seconds

    spans = len(pipeline.units)
    alone = {"spans": spans, "readings": spans, "reading_s": reading_s(lambda _: time.thread_time())}
    return {**alone, **in_turn(rounds, step)}


def reading_s(read: Callable[[int], object]) -> float:
    """Seconds of one reading of a clock, the least of some loops of many."""
    loops = []
    for _ in range(5):
        start = time.perf_counter()
        for number in range(_READINGS):
            read(number)
        loops.append((time.perf_counter() - start) / _READINGS)
    return min(loops)


def no_time() -> float:
    """A clock that nobody reads."""
    return 0.0


def ranks(kind: str, shape: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Seconds by the wall clock, as rank 0 sees the step."""
    config = configured(kind, shape)
    with tempfile.TemporaryDirectory() as folder:
        from pipebench.launching.heartbeat import Heartbeats

        Heartbeats(Path(folder) / "heartbeats", config.gpus).close()
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        processes = [
            context.Process(target=rank, args=(number, (kind, shape, rounds, folder), queue))
            for number in range(config.gpus)
        ]
        for process in processes:
            process.start()
        while queue.empty() and all(process.exitcode in (None, 0) for process in processes):
            time.sleep(0.1)
        assert not queue.empty(), "a rank ended before its time: see above"
        found: dict[str, Any] = queue.get()
        for process in processes:
            process.join(60)
    return found


def rank(number: int, case: tuple[str, dict[str, Any], int, str], queue: Any) -> None:
    """One rank: all change between the two kinds of step at the same time."""
    kind, shape, rounds, folder = case
    import torch

    from pipebench.engine import group
    from pipebench.engine.gpu import CudaDevice
    from pipebench.launching import messages
    from pipebench.launching.process import keep_memory
    from pipebench.launching.rendezvous.place import on_one_machine
    from pipebench.measuring.ranked_pair import RankedPair
    from pipebench.models.registry import given_to, network_for

    keep_memory()
    torch.set_num_threads(1)
    if kind == "cuda":
        CudaDevice(number).start()
    elif hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {number})
    config = configured(kind, shape)
    data = given_to(config).data
    place = on_one_machine(number, config.gpus)
    pair = RankedPair(messages.Job(config=config, data=data), network_for(config, data), place, Path(folder))
    pipeline, batch = pair.pipeline, pair.batches[0]
    recording = pipeline._marks
    around = Around(recording, kind)
    spans = sum(action.operation.name in ("FORWARD", "BACKWARD") for action, _ in pipeline._calls)

    def step(recorded: bool) -> float:
        pipeline._marks = recording if recorded else around
        readings = pipeline.step(batch)
        pipeline.release()
        return readings.updated - readings.started

    try:
        found = in_turn(rounds, step)
    finally:
        group.leave()
    if number == 0:
        marks = pair.device.marks(_READINGS)
        queue.put({"spans": spans, "readings": 2 * spans, "reading_s": reading_s(marks.mark), **found})


class Around:
    """The marks around a step alone."""

    def __init__(self, marks: Any, kind: str) -> None:
        self.marks, self.kind = marks, kind

    def mark(self, number: int) -> None:
        """Only those that bound the step."""
        if number < 4:
            self.marks.mark(number)

    def read_s(self) -> list[float]:
        """The others are as they were."""
        return list(self.marks.read_s())


if __name__ == "__main__":
    main()
