"""A stage whose backward is in halves against the same stage with a whole one."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipebench.engine.stage import Neighbours, Payload, Stage
from pipebench.models.deferred.weights import Deferred
from pipebench.models.edges import Edge, TensorSpec
from pipebench.models.network import StepBatch
from pipebench.models.outline import Slice
from pipebench.models.own.network import OwnPart
from pipebench.models.stacked_lstm.network import StackedLSTM
from pipebench.models.stacked_lstm.outline import LSTMOutline
from pipebench.models.transformer.network import Transformer
from pipebench.models.transformer.outline import TransformerOutline
from tests.engine.own_models import Leaky, stateful

BATCH, STEPS, WIDTH, VOCAB = 4, 6, 8, 20
SIZES = {"layers": 3, "hidden": WIDTH, "vocab": VOCAB, "batch": BATCH, "sequence_length": STEPS}
TRANSFORMER = TransformerOutline(heads=2, dtype="float64", **SIZES)
LSTM = LSTMOutline(dtype="float64", **SIZES)
SLICES = [(2, 1), (1, 3), (4, 2)]
Back = dict[tuple[int, int], list[Payload]]


def transformer(part: Slice) -> Transformer:
    model = Transformer(TRANSFORMER, part)
    model.initialise(1)
    return model


def own() -> OwnPart:
    """With a state: two layers of the user's own that have linear layers inside, one linear layer, and no LSTM."""
    torch.manual_seed(1)
    layers = [nn.Linear(WIDTH, 6), Leaky(), nn.Sequential(nn.Linear(6, 6), nn.ReLU(inplace=True)), Leaky()]
    layers.append(nn.Linear(6, WIDTH))
    return OwnPart(stateful, [(number, layer.double()) for number, layer in enumerate(layers)])


def lstm() -> StackedLSTM:
    model = StackedLSTM(LSTM, Slice(1, 3, opens=False, closes=True))
    model.initialise(1)
    return model


class Case:
    """A part, and whether its batch is along the first dimension, whether it opens the model, whether it closes it."""

    def __init__(
        self, part: Callable[[], Any], *, first: bool = True, opens: bool = False, closes: bool = False
    ) -> None:
        self.part, self.first, self.opens, self.closes = part, first, opens, closes

    def stage(self, microbatches: int, chunks: int, checkpoint: str, *, halves: bool) -> Stage:
        part = self.part()
        edge = Edge((TensorSpec((1,), "float64", gradient=True),))
        neighbours = Neighbours(
            [] if self.opens else [edge], None if self.closes else edge, closes=self.closes
        )
        stage = Stage(
            part,
            [neighbours],
            loss=torch.zeros((), dtype=torch.float64),
            microbatches=microbatches,
            chunks=chunks,
            checkpoint=checkpoint,
            deferred=Deferred(part) if halves else None,
        )
        stage.load(self.batch(microbatches, chunks))
        return stage

    def batch(self, microbatches: int, chunks: int) -> StepBatch:
        words = torch.randint(3, VOCAB, (BATCH, STEPS), generator=torch.Generator().manual_seed(2))
        inputs = [[*row.chunk(chunks, 1)] for row in words.chunk(microbatches)]
        turned = inputs if self.first else [[piece.t() for piece in row] for row in inputs]
        return StepBatch(inputs, [[piece.flatten() for piece in row] for row in turned], BATCH * STEPS)

    def pieces(self, seed: int, microbatches: int, chunks: int) -> list[list[Tensor]]:
        """What comes in, or gradients."""
        shape = (BATCH, STEPS, WIDTH) if self.first else (STEPS, BATCH, WIDTH)
        whole = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        rows = whole.chunk(microbatches, 0 if self.first else 1)
        return [[*row.chunk(chunks, 1 if self.first else 0)] for row in rows]

    def run(self, stage: Stage, microbatches: int, backward: Callable[..., list[Payload]]) -> Back:
        """All forwards, then all backwards."""
        slices = [(m, c) for m in range(microbatches) for c in range(stage.chunks)]
        inputs, gradients = (self.pieces(seed, microbatches, stage.chunks) for seed in (3, 4))
        stage.forward_many(slices, [[] if self.opens else [(inputs[m][c],)] for m, c in slices])
        last_first = [(m, c) for m, c in slices[::-1]]
        return {(m, c): backward(m, c, [] if self.closes else [(gradients[m][c],)]) for m, c in last_first}


CASES = {
    "opening": Case(lambda: transformer(Slice(0, 2, opens=True, closes=False)), opens=True),
    "middle": Case(lambda: transformer(Slice(1, 3, opens=False, closes=False))),
    "closing": Case(lambda: transformer(Slice(2, 3, opens=False, closes=True)), closes=True),
    "own": Case(own, first=False),
    "lstm": Case(lstm, first=False, closes=True),
}


def in_groups(slices: Sequence[tuple[int, int]], seed: int) -> list[list[tuple[int, int]]]:
    """In any order, some of them together."""
    source = random.Random(seed)
    left = source.sample(slices, len(slices))
    groups = []
    while left:
        number = source.randint(1, len(left))
        groups.append(left[:number])
        left = left[number:]
    return groups


def assert_equal(found: Stage, expected: Stage, back: Back, expected_back: Back) -> None:
    torch.testing.assert_close(found.loss, expected.loss)
    assert back.keys() == expected_back.keys()
    for each, payloads in expected_back.items():
        for ours, theirs in zip(back[each], payloads, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-14)
    for (name, ours), (_, theirs) in zip(found.part.named(), expected.part.named(), strict=True):
        assert theirs.grad is not None
        assert ours.grad is not None, name
        error = (ours.grad - theirs.grad).norm() / theirs.grad.norm()
        assert float(error) <= 1e-10, name


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("microbatches", "chunks"), SLICES)
@pytest.mark.parametrize("checkpoint", ["none", "always", "except-last"])
def test_halves_add_up_to_the_whole(name: str, microbatches: int, chunks: int, checkpoint: str) -> None:
    case = CASES[name]
    whole, halves = (case.stage(microbatches, chunks, checkpoint, halves=which) for which in (False, True))
    expected = case.run(whole, microbatches, whole.backward)
    found = case.run(halves, microbatches, halves.backward_input)
    for group in in_groups([*expected], seed=microbatches * chunks):
        halves.backward_weight(group)
    assert_equal(halves, whole, found, expected)
    halves.load(case.batch(microbatches, chunks))


def test_weights_of_early_slices_may_come_before_the_first_half_of_later_ones() -> None:
    case = CASES["middle"]
    whole, halves = (case.stage(4, 1, "none", halves=which) for which in (False, True))
    waiting: list[tuple[int, int]] = []

    def backward(microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """W lags behind by one."""
        (given,) = halves.backward_input_many([(microbatch, chunk)], [received])
        halves.backward_weight(waiting)
        waiting[:] = [(microbatch, chunk)]
        return given

    found = case.run(halves, 4, backward)
    halves.backward_weight(waiting)
    assert_equal(halves, whole, found, case.run(whole, 4, whole.backward))


def test_the_first_half_leaves_linear_layers_alone() -> None:
    stage = CASES["middle"].stage(1, 1, "none", halves=True)
    CASES["middle"].run(stage, 1, stage.backward_input)
    has = {name: parameter.grad is not None for name, parameter in stage.part.named()}
    assert {name for name, there in has.items() if there} == {name for name in has if "norm." in name}


@pytest.mark.parametrize("halves", [False, True])
def test_a_backward_stays_whole_and_one_without_weights_that_wait_is_whole(halves: bool) -> None:
    case = CASES["own"]
    whole, other = case.stage(2, 3, "none", halves=False), case.stage(2, 3, "none", halves=halves)
    expected = case.run(whole, 2, whole.backward)
    found = case.run(other, 2, other.backward if halves else other.backward_input)
    if not halves:
        other.backward_weight([*found])
    assert_equal(other, whole, found, expected)


def test_many_are_the_single_ones_in_turn() -> None:
    case = CASES["own"]
    one, many = (case.stage(2, 3, "none", halves=True) for _ in range(2))
    expected = case.run(one, 2, one.backward_input)
    inputs, gradients = case.pieces(3, 2, 3), case.pieces(4, 2, 3)
    forwards = [(m, c) for m in range(2) for c in range(3)]
    outputs = many.forward_many(forwards, [[(inputs[m][c],)] for m, c in forwards])
    assert [output is not None for output in outputs] == [True] * 6
    back = many.backward_input_many([*expected], [[(gradients[m][c],)] for m, c in expected])
    for stage in (one, many):
        stage.backward_weight(forwards)
    assert_equal(many, one, dict(zip(expected, back, strict=True)), expected)


def test_weights_that_still_wait_are_noticed() -> None:
    case = CASES["middle"]
    stage = case.stage(2, 1, "none", halves=True)
    found = case.run(stage, 2, stage.backward_input)
    stage.backward_weight([*found][:1])
    with pytest.raises(AssertionError, match="still wait"):
        stage.load(case.batch(2, 1))
    stage.backward_weight([*found][1:])
    stage.load(case.batch(2, 1))
