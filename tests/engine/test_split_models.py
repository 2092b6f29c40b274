"""Models without a split cell of their own, their linear layers' weights put off, compute what one device does.

By default some of the shapes; all of them with SPLIT=all (``make matrix``).
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipebench.config.run_config import RunConfig
from pipebench.models.deferred.weights import Deferred
from pipebench.plan.actions import Operation
from pipebench.plan.cells import units_in
from tests.engine import encoder_decoders as pairs
from tests.engine import test_own_models as own
from tests.engine import test_transformer as transformer
from tests.engine.live_ranks import Group
from tests.engine.odd_orders import ordered
from tests.engine.test_gradients import PADDED_TEXT

pytestmark = pytest.mark.usefixtures("one_thread")

ALL = os.environ.get("SPLIT") == "all"
TRANSFORMERS, PAIRS, OWN, RANKED = (1, 1, 1, 1) if ALL else (67, 131, 29, 71)  # every so many-th case
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}

Slicing = tuple[str, int, int]
# Schedule, microbatches, chunks of 8 words.
EVEN: tuple[Slicing, ...] = (
    ("naive", 1, 1),
    ("gpipe", 2, 4),
    ("1f1b", 4, 2),
    ("wavefront", 2, 4),
    ("zb-h1", 8, 1),
    ("zb-h1", 4, 2),
    ("zb-h1", 1, 8),
    ("wavefront-zb", 1, 8),
    ("wavefront-zb", 2, 4),
    ("wavefront-zb", 8, 1),
)
# Chunks of each side of 7 words at most, mostly of unequal lengths.
UNEVEN: tuple[Slicing, ...] = (
    ("naive", 1, 1),
    ("gpipe", 2, 3),
    ("1f1b", 4, 4),
    ("wavefront", 2, 5),
    ("zb-h1", 8, 1),
    ("zb-h1", 4, 4),
    ("zb-h1", 1, 7),
    ("wavefront-zb", 1, 7),
    ("wavefront-zb", 2, 5),
    ("wavefront-zb", 4, 2),
)
ALONG_BATCH: tuple[Slicing, ...] = (("gpipe", 4, 1), ("1f1b", 8, 1), ("zb-h1", 8, 1), ("wavefront-zb", 8, 1))
ALONG_TIME: tuple[Slicing, ...] = (("gpipe", 2, 4), ("wavefront", 1, 8), *EVEN[5:])


def split(asked: RunConfig, seed: int) -> RunConfig:
    """With a backward in halves, in an odd order where the schedule takes any."""
    halves = msgspec.structs.replace(asked, cell="split")
    return ordered(halves, seed) if asked.needs_order else halves


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("text") / "padded.txt"
    path.write_text(PADDED_TEXT)
    return str(path)


def transformers() -> list[transformer.Case]:
    return [
        transformer.Case(shape, slicing, dtype=dtype)
        for shape, slicing, dtype in product(transformer.SHAPES, EVEN, TOLERANCE)
    ]


@pytest.mark.parametrize("case", transformers()[::TRANSFORMERS], ids=transformer.named)
def test_a_transformer_on_emulated_devices(case: transformer.Case, text: str) -> None:
    asked = split(transformer.config(case, text), case.shape.gpus)
    assert transformer.error(asked) <= TOLERANCE[case.dtype]


def encoder_decoders() -> list[pairs.Case]:
    return [
        pairs.Case(shape, slicing, "none", *given)
        for shape, slicing, given in product(pairs.SHAPES, UNEVEN, pairs.INPUTS)
    ]


@pytest.mark.parametrize("case", encoder_decoders()[::PAIRS], ids=pairs.named)
def test_an_encoder_decoder_and_its_clipped_update_on_emulated_devices(
    case: pairs.Case, files: dict[str, str]
) -> None:
    asked = split(pairs.config(case, files), case.shape.gpus)
    assert max(pairs.errors(asked, *pairs.both(asked))) <= TOLERANCE[asked.dtype]


@pytest.mark.parametrize("slicing", [("zb-h1", 4, 2), ("wavefront-zb", 4, 2)])
def test_the_norm_comes_after_all_weights(slicing: Slicing, files: dict[str, str]) -> None:
    asked = split(pairs.config(pairs.Case(pairs.Shape(4, 2), slicing), files), 1)
    for program in asked.plan.programs:
        operations = [action.operation for action in units_in(asked.graph, program)]
        last = len(operations) - 1 - operations[::-1].index(Operation.BACKWARD_WEIGHT)
        assert last < operations.index(Operation.NORM)


def own_models() -> Iterator[tuple[str, int, Slicing, str]]:
    """Model, devices, plan and dtype."""
    for model, layers in own.LAYERS.items():
        plans = ALONG_BATCH + (ALONG_TIME if model in own.ALONG else ())
        yield from product((model,), range(1, layers + 1), plans, TOLERANCE)


@pytest.mark.parametrize(("model", "gpus", "plan", "dtype"), [*own_models()][::OWN])
def test_layers_of_the_users_own_on_emulated_devices(
    model: str, gpus: int, plan: Slicing, dtype: str
) -> None:
    own.verified(split(own.config(model, gpus, plan, dtype=dtype), gpus))


@pytest.mark.parametrize(
    "case", [each for each in transformers() if each.shape.gpus <= 4][::RANKED], ids=transformer.named
)
def test_a_transformer_on_real_ranks(
    live_ranks: Group, tmp_path: Path, case: transformer.Case, text: str
) -> None:
    asked = split(transformer.config(case, text, device="cpu"), case.shape.gpus)
    result = live_ranks.run(asked, tmp_path)
    assert max(result["error"], result["parameter_error"]) <= TOLERANCE[case.dtype]


@pytest.mark.parametrize(
    "case",
    [each for each in encoder_decoders() if each.shape.gpus <= 4 and each.bucket][17::RANKED],
    ids=pairs.named,
)
def test_an_encoder_decoder_on_real_ranks(
    live_ranks: Group, tmp_path: Path, case: pairs.Case, files: dict[str, str]
) -> None:
    asked = split(pairs.config(case, files, device="cpu"), case.shape.gpus)
    result = live_ranks.run(asked, tmp_path)
    assert max(result["error"], result["parameter_error"]) <= TOLERANCE[asked.dtype]


def test_weights_that_are_not_added_are_found(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Deferred.weights

    def wrong(self: Any, slices: Any) -> None:
        before = [None if p.grad is None else p.grad.clone() for p in self._parameters]
        right(self, slices)
        if (1, 0) in slices:
            for parameter, gradient in zip(self._parameters, before, strict=True):
                parameter.grad = gradient

    monkeypatch.setattr(Deferred, "weights", wrong)
    case = transformer.Case(transformer.Shape(3), ("zb-h1", 4, 2))
    assert transformer.error(split(transformer.config(case, text), 0)) > 1e-3
