"""Which parts can be split, and by whose products."""

from typing import Any

import pytest
from torch import Tensor

from pipebench.models.outline import Rows, Slice
from pipebench.models.stacked_lstm import network as module
from pipebench.models.stacked_lstm.split.products import LIBRARIES, Packed, Product, Products
from tests.engine.split_model import network

MIDDLE = Slice(1, 2, opens=False, closes=False)
CUT = {"microbatches": 2, "chunks": 3}


def test_the_library_is_found_once_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fastest(*given: object) -> Products:
        asked.append(given[:2])
        return LIBRARIES[1]

    monkeypatch.setattr(module, "fastest_products", fastest)
    made = network("float32", microbatches=2)
    for _ in range(2):
        assert made.split(made.part(MIDDLE), **CUT).products == "onednn"
    assert asked == [(7, 2)]
    assert made.found == {"onednn_projection": False, "onednn_products": True, "packed_products": False}


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_what_another_launch_found_is_not_measured_again(
    monkeypatch: pytest.MonkeyPatch, library: Products
) -> None:
    monkeypatch.setattr(module, "fastest_products", None)
    found = {"onednn_projection": False} | module.found_products(library)
    made = network("float32", microbatches=2, found=found)
    for part in (MIDDLE, Slice(4, 4, False, False, Rows(0, 5))):
        assert made.split(made.part(part), **CUT).products == library.name
    assert made.found == found


def test_wrong_numbers_are_not_used_whoever_found_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = module.found_products(LIBRARIES[2])
    monkeypatch.setattr(type(LIBRARIES[2]), "add_summed", lambda *_: None)
    assert module.known_products(found, 7, 2) is LIBRARIES[0]


def test_a_library_that_another_launch_found_and_raises_here_is_not_used_and_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = Packed.by

    def refuse(self: Packed, weight_MK: Tensor, *given: Any) -> Product:
        if len(weight_MK) > 12:
            raise RuntimeError("could not create a primitive descriptor for a matmul primitive")
        return right(self, weight_MK, *given)

    monkeypatch.setattr(Packed, "by", refuse)
    made = network(
        "float32", microbatches=2, found={"onednn_projection": False} | module.found_products(LIBRARIES[2])
    )
    assert made.split(made.part(MIDDLE), **CUT).products == "blas"
    assert made.found == {"onednn_projection": False} | module.found_products(LIBRARIES[0])


def test_the_whole_model_in_one_call_cannot_be_split() -> None:
    made = network("float32", microbatches=2)
    assert made.split(made.form("fused"), **CUT) is None
