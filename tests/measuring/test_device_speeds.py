from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pipebench.engine import group
from pipebench.engine.device import CpuDevice
from pipebench.launching.rendezvous.place import on_one_machine
from pipebench.measuring.device_speeds import all_speeds
from tests.builders import network_of, run_config


class Told(CpuDevice):
    """Its steps take what the test says; ``None`` finds no room."""

    def __init__(self, *readings_s: float | None) -> None:
        super().__init__()
        self.readings_s, self.asked = readings_s, 0

    def seconds(self, run: Callable[[], None]) -> float:
        run()
        self.asked += 1
        reading_s = self.readings_s[min(self.asked, len(self.readings_s)) - 1]
        if reading_s is None:
            raise torch.OutOfMemoryError("told")
        return reading_s


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A group of one."""
    group.join(on_one_machine(0, 1), tmp_path, timeout_s=10.0)
    yield
    group.leave()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("device", "speeds", "steps"),
    [
        (Told(0.1, 0.5, 0.25), [4.0], 3),  # the first step warms up
        (Told(9.0, 0.02, 0.01, 0.01, 0.02), [100.0], 5),  # until 50 ms are measured
        (Told(9.0, 0.001), [1000.0], 10),
        (Told(0.1, None), [], 2),
    ],
)
def test_the_fastest_step_after_the_first_tells_the_speed(
    device: Told, speeds: list[float], steps: int
) -> None:
    network = network_of(run_config(synthetic=True))
    assert all_speeds(network, device, 1) == pytest.approx(speeds)
    assert device.asked == steps
