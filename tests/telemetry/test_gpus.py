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
        ("-1", []),
        ("1,7,0", [1]),
        ("GPU-2abc", [2]),
        ("GPU-2abc-def,GPU-0", [2, 0]),
        ("GPU-", []),
        ("MIG-1", [1]),
        ("MIG-9", []),
        ("all", []),
    ],
)
def test_only_what_cuda_shows_counts(
    monkeypatch: pytest.MonkeyPatch, visible: str, expected: list[int]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.name for gpu in gpus.gpus()] == [f"Pretended GPU {number}" for number in expected]
