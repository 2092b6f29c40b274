"""A CPU core as a device."""

import time

from pipebench.engine.device import CpuDevice, Identity, RankDevice
from pipebench.telemetry.environment import cpu_model


def test_host_marks_are_readings_of_the_monotonic_clock_in_their_order() -> None:
    marks = CpuDevice().marks(3)
    before = time.perf_counter()
    for number in range(3):
        marks.mark(number)
    readings = marks.read_s()
    assert before <= readings[0] <= readings[1] <= readings[2] <= time.perf_counter()


def test_a_cpu_device_times_by_the_clock_it_is_given() -> None:
    readings = iter([10.0, 12.5])
    device = CpuDevice(lambda: next(readings))
    ran: list[int] = []
    assert device.seconds(lambda: ran.append(1)) == 2.5
    assert ran == [1]


def test_nobody_counts_a_cpu_devices_memory() -> None:
    device = CpuDevice()
    device.start_peak()
    device.use()
    assert (device.allocated_bytes(), device.peak_bytes()) == (0, None)


def test_a_core_is_known_by_its_model_and_needs_no_start() -> None:
    device: RankDevice = CpuDevice()
    device.start()
    assert device.identity() == Identity(cpu_model())
    assert (device.names(2), device.libraries(), device.backend) == ([], {}, None)
    assert (device.has_cpu_clock, device.has_own_memory, device.has_own_speed) == (True, False, False)


def test_a_core_is_at_rest_when_a_call_is_over() -> None:
    assert CpuDevice(lambda: 4.0).at_rest_s() == 4.0
