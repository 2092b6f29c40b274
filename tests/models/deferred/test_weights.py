"""Gradients put off, of models of all kinds, against autograd's."""

import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch.utils.checkpoint import checkpoint

from pipebench.models.deferred.weights import Deferred
from pipebench.models.network import Beside
from pipebench.models.outline import Rows, whole
from pipebench.models.projection import Projection
from pipebench.models.softmax import SoftmaxShard
from pipebench.models.transformer.network import Transformer
from tests.models.deferred.building import assert_equal, assert_same, gradients, usual
from tests.models.transformer.building import SMALL, words

WIDTH = 6


def rows(number: int, *shape: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Inputs of some slices."""
    generator = torch.Generator().manual_seed(number)
    return [torch.randn(*shape, WIDTH, generator=generator, dtype=dtype) for _ in range(number)]


def squares(*shape: int, dtype: torch.dtype = torch.float64) -> Callable[[nn.Module], list[Tensor]]:
    """The losses of three slices."""
    return lambda part: [part(x).square().sum() for x in rows(3, *shape, dtype=dtype)]


class Tied(nn.Module):
    """Words in and words out have one weight; between them a layer that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(9, WIDTH), nn.Linear(WIDTH, 9)
        self.out.weight = self.words.weight
        self.between = nn.Linear(WIDTH, WIDTH)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.words(ids)
        logits: Tensor = self.out(self.between(torch.tanh(self.between(x))) + x)
        return logits


class Functional(nn.Module):
    """Uses a weight beside its layer; such a gradient may be sparse."""

    def __init__(self, *, sparse: bool) -> None:
        super().__init__()
        self.linear, self.sparse = nn.Linear(WIDTH, WIDTH), sparse

    def forward(self, x: Tensor) -> Tensor:
        taken = embedding(torch.tensor([0, 2]), self.linear.weight, sparse=self.sparse)
        return self.linear(x) + taken.sum()


class Positions(nn.Module):
    """A parameter whose gradient lies in the same memory as that of the layer's output."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(4, WIDTH))
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return (self.positions[None] + self.linear(x)) * 2


class Checkpointed(nn.Module):
    """Runs its layers again in the backward."""

    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.first, self.reentrant = nn.Linear(WIDTH, WIDTH), reentrant
        self.inner = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(inplace=True), nn.Linear(WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = checkpoint(self.inner, self.first(x), use_reentrant=self.reentrant)
        return found


class Penalty(nn.Module):
    """Takes gradients of its own: in the forward, with gradients of their own or without."""

    def __init__(self, *, twice: bool) -> None:
        super().__init__()
        self.energy, self.twice = nn.Sequential(nn.Linear(WIDTH, 8), nn.Tanh(), nn.Linear(8, 1)), twice

    def forward(self, x: Tensor) -> Tensor:
        leaf = x.detach().requires_grad_()
        (force,) = torch.autograd.grad(self.energy(leaf).sum(), leaf, create_graph=self.twice)
        return force + self.energy(x)


class Partly(nn.Module):
    """A layer that only some slices reach, and one that none does."""

    def __init__(self) -> None:
        super().__init__()
        self.always, self.some, self.never = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.always(x)
        return self.some(found) if float(x.flatten()[0]) > 0 else found


def in_place() -> nn.Module:
    layers = (nn.Linear(WIDTH, 8), nn.ReLU(inplace=True), nn.LayerNorm(8), nn.Linear(8, WIDTH, bias=False))
    return nn.Sequential(*layers, nn.Linear(WIDTH, WIDTH), nn.Dropout(0.0, inplace=True))


def half_frozen() -> nn.Module:
    part = nn.Sequential(*(nn.Linear(WIDTH, WIDTH) for _ in range(3)))
    part[0].weight.requires_grad_(False)  # type: ignore[union-attr]
    part[1].bias.requires_grad_(False)  # type: ignore[union-attr]
    return part


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 2), (300,), (), (0,), (1, 4)])
def test_rows_of_any_shape(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    assert_same(in_place().to(dtype), squares(*shape, dtype=dtype))


@pytest.mark.parametrize(
    "made",
    [
        half_frozen,
        Partly,
        lambda: Functional(sparse=False),
        lambda: Functional(sparse=True),
        lambda: Checkpointed(reentrant=False),
        lambda: Checkpointed(reentrant=True),
        lambda: Penalty(twice=True),
        lambda: Penalty(twice=False),
        Positions,
    ],
)
def test_models_that_do_more_with_their_layers(made: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    assert_same(made().double(), squares(1, 4))


def test_tied_weights_stay_whole_and_a_layer_may_run_twice() -> None:
    torch.manual_seed(0)
    ids = torch.randint(9, (3, 4, 5))
    assert_same(Tied().double(), lambda part: [part(each).square().sum() for each in ids])


def test_a_transformer() -> None:
    words_BT, targets_N = words(SMALL)
    part = Transformer(SMALL, whole(SMALL))
    part.initialise(1)
    targets_BT = targets_N.view(words_BT.shape)

    def losses(model: nn.Module) -> list[Tensor]:
        assert isinstance(model, Transformer)
        pairs = zip(words_BT.chunk(2), targets_BT.chunk(2), strict=True)
        return [model.loss(model.run(ids, None)[0], targets.flatten()) for ids, targets in pairs]

    assert_same(part, losses)


@pytest.mark.parametrize("onednn", [False, True])
@pytest.mark.parametrize("positions", [3, 300])
def test_a_projection_by_either_library(onednn: bool, positions: int) -> None:
    torch.manual_seed(0)
    part = Projection(WIDTH, 31, onednn=onednn, dtype=torch.float32, device=None)
    inputs = [torch.randn(positions, WIDTH, requires_grad=True) for _ in range(3)]
    assert_same(part, lambda model: [model(x).square().sum() for x in inputs])


def test_a_shard_of_the_softmax() -> None:
    torch.manual_seed(0)
    part = SoftmaxShard(Rows(3, 9), WIDTH, onednn=False, dtype=torch.float64, device=None)
    beside = Beside(0, torch.randint(3, 12, (5,)), 0.5)
    scales = torch.rand(3, 5, dtype=torch.float64)

    def losses(model: nn.Module) -> list[Tensor]:
        assert isinstance(model, SoftmaxShard)
        return [
            (model.run(x, None, beside)[0][1] * scale).sum()
            for x, scale in zip(rows(3, 5), scales, strict=True)
        ]

    assert_same(part, losses)


def test_inputs_get_their_gradients_in_the_first_half() -> None:
    part = in_place().double()
    x = torch.randn(4, WIDTH, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(part(x).square().sum(), x)
    deferred = Deferred(part)  # type: ignore[arg-type]
    with deferred.on((0, 0)):
        part(x).square().sum().backward()
    torch.testing.assert_close(x.grad, expected, rtol=1e-12, atol=0)
    linear, norm = part[0], part[2]  # type: ignore[index]
    assert linear.weight.grad is None
    assert linear.bias.grad is None
    assert norm.weight.grad is not None


def test_outside_of_a_slice_a_backward_is_whole() -> None:
    part = in_place().double()
    expected = usual(part, squares(4))
    deferred = Deferred(part)  # type: ignore[arg-type]
    for loss in squares(4)(part):
        loss.backward()  # type: ignore[no-untyped-call]
    assert not deferred.waits
    assert_equal(gradients(part), expected)


def test_the_slice_is_the_one_whose_backward_runs() -> None:
    part = nn.Linear(WIDTH, 2).double()
    inputs = rows(2, 3)
    expected = usual(part, lambda model: [model(inputs[1]).sum()])
    deferred = Deferred(part)  # type: ignore[arg-type]
    with deferred.on((7, 7)):
        losses = [part(x).sum() for x in inputs]
    for number, loss in enumerate(losses):
        with deferred.on((number, 0)):
            loss.backward()
    deferred.weights([(1, 0)])
    assert deferred.waits
    assert_equal(gradients(part), expected)


def test_a_slice_has_one_w() -> None:
    part = nn.Linear(WIDTH, 2).double()
    deferred = Deferred(part)  # type: ignore[arg-type]
    with deferred.on((0, 0)):
        part(rows(1, 3)[0]).sum().backward()
    deferred.weights([(0, 0)])
    with pytest.raises(AssertionError, match="comes once"):
        deferred.weights([(0, 0)])


@pytest.mark.parametrize("which", ["input", "gradient"])
def test_what_was_written_into_is_noticed(which: str) -> None:
    part = nn.Linear(WIDTH, 2).double()
    tensors = {"input": rows(1, 3)[0], "gradient": torch.ones(3, 2, dtype=torch.float64)}
    deferred = Deferred(part)  # type: ignore[arg-type]
    with deferred.on((0, 0)):
        part(tensors["input"]).backward(tensors["gradient"])
    tensors[which].add_(1)
    with pytest.raises(RuntimeError, match="written into"):
        deferred.weights([(0, 0)])


def test_a_part_without_linear_layers_has_no_w() -> None:
    part = nn.LSTM(WIDTH, WIDTH).double()
    expected = usual(part, lambda model: [model(x)[0].sum() for x in rows(2, 3, 2)])
    deferred = Deferred(part)  # type: ignore[arg-type]
    assert not deferred.splits_anything
    for number, x in enumerate(rows(2, 3, 2)):
        with deferred.on((number, 0)):
            part(x)[0].sum().backward()
        deferred.weights([(number, 0)])
    assert not deferred.waits
    assert_equal(gradients(part), expected)


def test_a_part_is_not_kept_alive() -> None:
    """No cycle: its memory is free as soon as nobody has it."""
    part = nn.Sequential(nn.Linear(WIDTH, 2))
    deferred = Deferred(part)  # type: ignore[arg-type]
    weight = weakref.ref(part[0].weight)
    del part, deferred
    assert weight() is None
