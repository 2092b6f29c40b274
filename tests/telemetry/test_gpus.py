"""What the driver says, through a fake at its seam."""

import sys

import pytest

from pipebench.telemetry import gpus
from tests.pretend import pynvml


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", pynvml)
    monkeypatch.setenv("PRETEND_GPUS", "3")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_without_a_driver_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRETEND_GPUS")
    assert (gpus.gpus(), gpus.readings(), gpus.driver_versions()) == ([], [], {})


def test_the_real_library_is_asked_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has: the answer is a list, and its length is what nvidia-smi would show."""
    monkeypatch.delitem(sys.modules, "pynvml")
    assert isinstance(gpus.gpus(), list)


def test_names_memory_and_other_processes() -> None:
    first, second, _ = gpus.gpus()
    assert first == gpus.Gpu("Pretended GPU 0", 80 * 2**30, 64 * 2**30, ())
    assert second.processes == ("4711 python3", "4712 of another container or user")


def test_versions_of_the_driver() -> None:
    assert gpus.driver_versions() == {"driver": "580.65.06", "driver_cuda": "13.0"}


def test_clocks_temperature_and_throttling() -> None:
    first, second, _ = gpus.readings()
    assert first.sm_clock_hz == 1_980_000_000
    assert first.memory_clock_hz == 2_619_000_000
    assert (first.temperature_c, second.temperature_c) == (41, None)
    assert first.throttle_reasons == {"sw-power-cap", "hw-thermal-slowdown"}
    assert second.throttle_reasons == frozenset()  # idle is no throttling


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("0,2", [0, 2]),
        ("2, 1", [2, 1]),
        ("", []),
        ("1,7,0", [1]),
        ("1,1", []),
        ("GPU-2abc", [2]),
        ("MIG-1", [1]),
    ],
)
def test_only_what_cuda_shows_counts(
    monkeypatch: pytest.MonkeyPatch, visible: str, expected: list[int]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.name for gpu in gpus.gpus()] == [f"Pretended GPU {number}" for number in expected]


def test_what_hides_gpus_and_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpus.count_of_gpus() == "this machine has 3"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,0")
    assert gpus.count_of_gpus() == "this machine has 3, and CUDA_VISIBLE_DEVICES='0,0'"
    assert gpus.trouble() is None

    def mismatch() -> None:
        raise pynvml.NVMLError("Driver/library version mismatch")

    monkeypatch.setattr(pynvml, "nvmlInit", mismatch)
    assert gpus.count_of_gpus() == "the NVIDIA driver does not answer: Driver/library version mismatch"
    assert gpus.trouble() == "Driver/library version mismatch"


def test_a_machine_without_a_driver_has_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRETEND_GPUS")
    assert gpus.trouble() is None
    assert gpus.count_of_gpus() == "the NVIDIA driver does not answer: NVML Shared Library Not Found"


def test_a_gpu_that_the_driver_has_lost_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(number: int) -> int:
        if number == 1:
            raise pynvml.NVMLError("GPU is lost")
        return number

    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", handle)
    assert [gpu.name for gpu in gpus.gpus()] == ["Pretended GPU 0", "Pretended GPU 2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    assert [gpu.name for gpu in gpus.gpus()] == ["Pretended GPU 0"]
