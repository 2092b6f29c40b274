"""A GPU that is pretended at the seam: its clocks, its memory, its names."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from pipebench.engine import gpu
from pipebench.engine.device import Identity, RankDevice
from pipebench.engine.gpu import CudaDevice, EventMarks
from pipebench.errors import EnvironmentRefusedError
from tests.pretend.gpu import Event


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """torch.cuda on paper; the list tells the order of what was asked of it."""
    asked: list[str] = []

    class Told(Event):
        def record(self, stream: object = None) -> None:
            asked.append("record")
            super().record(stream)

    monkeypatch.setattr(torch.cuda, "Event", Told)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: asked.append(f"stream {device}"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: asked.append(f"synchronize {device}"))
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.append(f"use {device}"))
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.enable_grad())
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 5)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 7)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: asked.append(f"reset {device}"))
    return asked


def test_a_gpu_is_waited_for_once_a_step_when_the_marks_are_read(cuda: list[str]) -> None:
    device: RankDevice = CudaDevice(1)
    marks = device.marks(4)
    before = time.perf_counter()
    for number in range(4):
        marks.mark(number)
        time.sleep(0.002)
    assert "synchronize cuda:1" not in cuda
    readings = marks.read_s()
    assert cuda.count("synchronize cuda:1") == 1
    assert before <= readings[0] < readings[1] < readings[2] < readings[3] <= time.perf_counter()
    assert readings[3] - readings[0] >= 0.006


def test_marks_can_be_used_again(cuda: list[str]) -> None:
    marks = EventMarks(torch.device("cuda", 0), 2)
    for _ in range(2):
        now = time.perf_counter()
        marks.mark(0)
        marks.mark(1)
        assert marks.read_s()[0] >= now


def test_one_call_is_timed_on_a_gpu_at_rest(cuda: list[str]) -> None:
    seconds = CudaDevice(0).seconds(lambda: cuda.append("run"))
    assert 0 < seconds < 60
    told = [word for word in cuda if "stream" not in word]
    assert told == ["synchronize cuda:0", "record", "run", "record", "synchronize cuda:0"]


def test_a_gpus_memory_is_counted(cuda: list[str]) -> None:
    device = CudaDevice(2)
    device.use()
    device.start_peak()
    assert (device.allocated_bytes(), device.peak_bytes()) == (5, 7)
    assert cuda == ["use cuda:2", "reset cuda:2"]


def test_tf32_is_off() -> None:
    """In a process of its own: the switches are the process's."""
    code = (
        "import torch; torch.backends.cudnn.allow_tf32 = True\n"
        "from tests.pretend import gpu; gpu.install()\n"
        "from pipebench.engine.gpu import CudaDevice; CudaDevice(0).start()\n"
        "print(torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    "error", [AssertionError("Torch not compiled with CUDA"), RuntimeError("driver\nmore")]
)
def test_a_torch_that_cannot_use_the_gpus_is_refused(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def init() -> None:
        raise error

    monkeypatch.setattr(torch.cuda, "init", init)
    with pytest.raises(EnvironmentRefusedError, match="cannot use GPU 1") as refused:
        CudaDevice(1).start()
    assert f"({str(error).splitlines()[0]})" in str(refused.value)
    assert "more" not in str(refused.value)


def test_a_gpu_that_this_torch_has_no_code_for_is_refused_by_its_first_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ones(*sizes: int, device: torch.device) -> torch.Tensor:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch, "ones", ones)
    with pytest.raises(EnvironmentRefusedError, match=r"GPU 0 \(CUDA error: no kernel image is available"):
        CudaDevice(0).start()


def test_a_gpu_at_rest_is_waited_for(cuda: list[str]) -> None:
    before = time.perf_counter()
    assert before <= CudaDevice(1).at_rest_s() <= time.perf_counter()
    assert cuda == ["synchronize cuda:1"]


def test_a_gpu_is_known_as_nvidia_smi_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = SimpleNamespace(name="H100", uuid="12-ab", pci_domain_id=1, pci_bus_id=0x1A, pci_device_id=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", {2: told}.__getitem__)
    monkeypatch.setattr(torch.cuda, "get_device_name", "GPU {}".format)
    assert CudaDevice(2).identity() == Identity("H100", "GPU-12-ab", "00000001:1A:00.0")
    assert CudaDevice(2).names(2) == ["GPU 0", "GPU 1"]


@pytest.mark.parametrize(("there", "backend", "version"), [(True, "nccl", "2.28.9"), (False, None, None)])
def test_nccl_carries_messages_where_torch_has_it(
    monkeypatch: pytest.MonkeyPatch, there: bool, backend: str | None, version: str | None
) -> None:
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: there)
    monkeypatch.setattr(torch.cuda.nccl, "version", lambda: (2, 28, 9))
    monkeypatch.setattr(gpu, "uses_tf32", lambda device: device != torch.device("cuda", 3))
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    device = CudaDevice(3)
    assert device.backend == backend
    libraries = device.libraries()
    assert list(libraries) == ["cuda", "cudnn", "nccl", "tf32"]
    assert (libraries["nccl"], libraries["tf32"]) == (version, False)


def test_products_of_float32_are_exact_enough_to_tell_them_from_tf32() -> None:
    assert not gpu.uses_tf32(torch.device("cpu"))
    bits = 2.0**gpu._TF32_BITS
    assert round((1 + 2.0 ** -(gpu._TF32_BITS + 2)) * bits) / bits == 1  # what TF32 makes of the factor
