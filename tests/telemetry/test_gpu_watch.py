import sys
import time

import pytest

from pipebench.telemetry.gpu_watch import GpuWatch
from pipebench.telemetry.gpus import Reading
from tests.pretend import pynvml


def reading(clock_hz: int | None, *reasons: str) -> Reading:
    return Reading(clock_hz, None, None, frozenset(reasons))


def test_what_the_gpus_are_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", pynvml)
    monkeypatch.setenv("PRETEND_GPUS", "3")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = GpuWatch(2).start()
    assert found["driver"] == "580.65.06"
    assert (found["gpu0_name"], found["gpu0_other_processes"]) == ("Pretended GPU 0", "")
    assert found["gpu1_other_processes"] == "4711 python3, 4712 of another container or user"
    assert "gpu2_name" not in found


def test_readings_become_spans_and_every_reason_is_kept() -> None:
    moments = [
        [reading(1000, "sw-power-cap"), reading(None)],
        [reading(3000, "hw-slowdown"), reading(None)],
    ]
    watch = GpuWatch(2)
    watch.taken += moments
    found = watch.environment()
    assert found["gpu0_throttle_reasons"] == "hw-slowdown, sw-power-cap"
    assert (found["gpu0_sm_clock_hz_least"], found["gpu0_sm_clock_hz_most"]) == (1000, 3000)
    assert (found["gpu1_throttle_reasons"], found["gpu1_sm_clock_hz_least"]) == ("", None)


def test_nothing_read_is_nothing_said() -> None:
    assert GpuWatch(2, ask=list).environment() == {}


def test_readings_are_taken_from_begin_to_end_and_not_after() -> None:
    watch = GpuWatch(1, ask=lambda: [reading(1000), reading(2000)])
    watch.begin()
    watch.begin()  # the second timed block of a launch
    deadline = time.monotonic() + 60
    while len(watch.taken) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    watch.end()
    taken = len(watch.taken)
    assert taken >= 3
    assert all(len(readings) == 1 for readings in watch.taken)
    time.sleep(0.15)
    assert len(watch.taken) == taken
    watch.begin()  # the next launch
    watch.end()
    watch.end()
    assert len(watch.taken) == taken + 1
