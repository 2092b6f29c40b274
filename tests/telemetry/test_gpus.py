"""What the driver says, through a fake at its seam."""

import pynvml
import pytest

from pipebench.errors import EnvironmentRefusedError
from pipebench.telemetry import gpus


def driver(monkeypatch: pytest.MonkeyPatch, count: int | None) -> None:
    def init() -> None:
        if count is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", init)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: count)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)


@pytest.mark.parametrize(("there", "counted"), [(None, 0), (0, 0), (2, 2)])
def test_gpus_are_counted_without_torch(
    monkeypatch: pytest.MonkeyPatch, there: int | None, counted: int
) -> None:
    driver(monkeypatch, there)
    assert gpus.gpu_count() == counted


@pytest.mark.parametrize(
    ("there", "words"),
    [(None, "found none"), (2, "expected 4 GPUs, found 2"), (8, "does not use GPUs yet")],
)
def test_a_refusal_says_how_many_there_are_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, there: int | None, words: str
) -> None:
    driver(monkeypatch, there)
    with pytest.raises(EnvironmentRefusedError, match=words) as refused:
        gpus.require_gpus(4)
    assert "--device emulated" in str(refused.value)
