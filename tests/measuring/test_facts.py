from threading import Thread

import pytest
import torch

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


def test_products_of_float32_are_exact_enough_to_tell_them_from_tf32() -> None:
    assert not facts.uses_tf32(torch.device("cpu"))
    bits = 2.0**facts._TF32_BITS
    assert round((1 + 2.0 ** -(facts._TF32_BITS + 2)) * bits) / bits == 1  # what TF32 makes of the factor


def test_what_is_there_and_switched_off_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert facts.environment("cpu")["torch_mkldnn"] is True
    torch._C._set_mkldnn_enabled(False)
    try:
        assert facts.environment("cpu")["torch_mkldnn"] is False
    finally:
        torch._C._set_mkldnn_enabled(True)
