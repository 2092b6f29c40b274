"""A torch that is missing or broken is told in our words."""

import builtins
from typing import Any

import pytest

from pipebench.errors import EnvironmentRefusedError
from pipebench.measuring.torch_check import check_torch


def refusal(monkeypatch: pytest.MonkeyPatch, error: Exception) -> str:
    """What is said where importing torch raises this."""
    real = builtins.__import__

    def broken(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "torch":
            raise error
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(EnvironmentRefusedError) as refused:
        check_torch()
    return str(refused.value)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "torch is not installed for"),
        (ModuleNotFoundError("No module named 'sympy'", name="sympy"), "its installation is broken"),
        (
            ImportError("libgomp.so.1: cannot open shared object file: No such file or directory"),
            "the library libgomp.so.1 is missing",
        ),
        (
            ImportError("/lib/libc.so.6: version `GLIBC_2.34' not found (required by /x/libtorch.so)"),
            "it was built for a newer system, which has GLIBC_2.34",
        ),
        (
            ImportError("libtorch_cpu.so: undefined symbol: iJIT_Notify"),
            "its libraries do not fit each other",
        ),
        (
            ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            "too little memory or address space for it",
        ),
        (MemoryError(), "too little memory or address space for it: raise the limit"),
        (OSError(24, "Too many open files"), "too many files are open"),
        (AttributeError("partially initialized\nand more"), "(partially initialized)"),
    ],
)
def test_the_cause_is_in_our_words(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    told = refusal(monkeypatch, error)
    assert words in told
    assert "pip install" in told or "limit" in told or "install it" in told
    assert "\n" not in told


def test_the_one_that_runs_this_is_good() -> None:
    check_torch()
