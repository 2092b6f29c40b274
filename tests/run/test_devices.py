import sys

import pytest

from pipebench.config import budget
from pipebench.errors import EnvironmentRefusedError
from pipebench.run import devices
from pipebench.run.devices import settled
from tests.builders import run_config
from tests.pretend import pynvml


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", pynvml)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0")


@pytest.mark.parametrize(
    ("there", "kind", "line"),
    [
        (None, "emulated", "device: emulated (auto: no GPU visible, 2 asked for)"),
        ("1", "emulated", "device: emulated (auto: 1 GPU visible, 2 asked for)"),
        ("2", "cuda", "device: cuda (auto: 2 GPUs visible, 2 asked for)"),
        ("8", "cuda", "device: cuda (auto: 8 GPUs visible, 2 asked for)"),
    ],
)
def test_auto_is_gpus_if_there_are_that_many(
    monkeypatch: pytest.MonkeyPatch, there: str | None, kind: str, line: str
) -> None:
    if there is not None:
        monkeypatch.setenv("PRETEND_GPUS", there)
    config, told = settled(run_config(device="auto"))
    assert (config.device, told) == (kind, line)
    assert config.ranks == (2 if kind == "cuda" else 1)


def test_hidden_gpus_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETEND_GPUS", "8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert settled(run_config(device="auto"))[0].device == "emulated"


def test_what_is_wrong_with_the_driver_is_said_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def mismatch() -> None:
        raise pynvml.NVMLError("Driver/library version mismatch")

    monkeypatch.setattr(pynvml, "nvmlInit", mismatch)
    _, line = settled(run_config(device="auto"))
    assert line == "device: emulated (auto: no GPU (Driver/library version mismatch) visible, 2 asked for)"
    with pytest.raises(EnvironmentRefusedError, match=r"found none .*: Driver/library version mismatch"):
        settled(run_config(device="cuda"))


def test_another_order_of_gpus_is_told_to_have_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETEND_GPUS", "2")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert settled(run_config(device="cuda"))[1] == (
        "CUDA_DEVICE_ORDER=FASTEST_FIRST: no effect, GPUs count as in nvidia-smi (PCI_BUS_ID)"
    )
    assert settled(run_config(device="emulated"))[1] is None
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert settled(run_config(device="cuda"))[1] is None


def test_an_order_of_emulation_is_told_to_have_no_effect_on_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETEND_GPUS", "2")
    _, line = settled(run_config(device="auto", emulation_order="dependence"))
    assert line is not None
    assert line.endswith(
        "; --emulation-order: no effect, only emulated devices share a core and have an order"
    )


def test_a_machine_that_is_named_is_emulated_whatever_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETEND_GPUS", "8")
    config, told = settled(run_config(device="auto", machine="2014"))
    assert (config.device, told) == ("emulated", None)


@pytest.mark.parametrize(
    ("there", "words"),
    [(None, "found none"), ("1", "expected 2 visible GPUs, found 1")],
)
def test_too_few_are_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, there: str | None, words: str
) -> None:
    if there is not None:
        monkeypatch.setenv("PRETEND_GPUS", there)
    with pytest.raises(EnvironmentRefusedError, match=words) as refused:
        settled(run_config(device="cuda"))
    assert "--device emulated" in str(refused.value)


def test_gpus_that_are_too_full_are_refused_with_who_is_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETEND_GPUS", "2")
    config = run_config(device="cuda")
    first, second = budget.device_memory(config, config.partition or ())
    assert first.total < second.total  # the projection is with the second
    needed = second.total + 2 * 2**30  # whether the whole model fits beside it is tried
    monkeypatch.setenv("PRETEND_FREE_BYTES", str(needed))
    assert settled(config)[0] == config
    monkeypatch.setenv("PRETEND_FREE_BYTES", str(needed - 1))
    with pytest.raises(
        EnvironmentRefusedError, match=r"would not fit on GPU 1 \(Pretended GPU 1\).*2 other processes"
    ):
        settled(config)


def test_windows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EnvironmentRefusedError, match="needs Linux or macOS"):
        settled(run_config())


def test_a_torch_for_cpus_uses_no_gpu_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "version", lambda name: "2.13.0+cpu")
    monkeypatch.setenv("PRETEND_GPUS", "2")
    config, told = settled(run_config(device="auto"))
    assert config.device == "emulated"
    assert told is not None
    assert told.endswith("2 GPUs visible, 2 asked for; this torch is built for CPUs only)")
    with pytest.raises(EnvironmentRefusedError, match=r"torch 2\.13\.0\+cpu is built for CPUs only"):
        settled(run_config(device="cuda"))
