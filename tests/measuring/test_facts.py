from threading import Thread

import pytest
import torch

from pipebench.engine.device import CpuDevice
from pipebench.measuring import facts


def test_tiny_numbers_are_0_where_that_was_asked_for() -> None:
    """In a thread of its own: the processor's mode is the thread's."""
    found = []

    def ask() -> None:
        found.append(facts.flushes_denormal())
        found.append(torch.set_flush_denormal(True))
        found.append(facts.flushes_denormal())

    thread = Thread(target=ask)
    thread.start()
    thread.join()
    before, can, after = found
    assert (before, after) == (False, can)


def test_what_is_there_and_switched_off_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert facts.environment(CpuDevice())["torch_mkldnn"] is True
    torch._C._set_mkldnn_enabled(False)
    try:
        assert facts.environment(CpuDevice())["torch_mkldnn"] is False
    finally:
        torch._C._set_mkldnn_enabled(True)
