"""Shards and the loss that joins them, against torch's cross-entropy of all words at once."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pipebench.models.network import Beside, cut, joined
from pipebench.models.shards import shared_rows
from pipebench.models.softmax import JoinedLoss, SoftmaxShard
from pipebench.models.text.data import PADDING

HIDDEN, WEIGHT = 5, 1 / 7  # of an item in the step's loss


def whole(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    """Loss and gradients of the undivided projection."""
    leaves = [tensor.clone().requires_grad_() for tensor in (hidden, weight, bias)]
    logits = leaves[0].flatten(0, -2) @ leaves[1].T + leaves[2]
    loss = cross_entropy(logits, targets, ignore_index=PADDING, reduction="sum") * WEIGHT
    loss.backward()
    return loss.detach(), *(leaf.grad for leaf in leaves)  # type: ignore[return-value]


def shared(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, shards: int) -> tuple[Tensor, ...]:
    """The same in pieces; only figures and scales go between them."""
    parts, inputs, outputs = [], [], []
    for rows in shared_rows(len(weight), [1.0] * shards):
        shard = SoftmaxShard(rows, HIDDEN, onednn=False, dtype=hidden.dtype, device=None)
        with torch.no_grad():
            shard.projection.weight.copy_(weight[rows.first : rows.end])
            shard.projection.bias.copy_(bias[rows.first : rows.end])
        leaf = hidden.clone().requires_grad_()
        figures, state = shard.run(leaf, None, Beside(0, targets, WEIGHT))
        assert state is None
        assert not figures[0].requires_grad
        parts.append(shard)
        inputs.append(leaf)
        outputs.append(figures)
    received = [(figures.clone(), torch.zeros_like(sums).requires_grad_()) for figures, sums in outputs]
    joint = JoinedLoss()
    losses, _ = joint.run([tensor for pair in received for tensor in pair], None)
    loss = joint.loss(losses, targets) * WEIGHT
    loss.backward()  # type: ignore[no-untyped-call]
    for (_, sums), (_, zeros) in zip(outputs, received, strict=True):
        sums.backward(zeros.grad)  # type: ignore[no-untyped-call]
    pieces = {name: [part.rows for part in parts] for name in ("projection.weight", "projection.bias")}
    gradients = joined({name: p.grad for part in parts for name, p in part.named()}, pieces)
    hidden_gradient = sum(leaf.grad for leaf in inputs)  # type: ignore[misc]
    return loss.detach(), hidden_gradient, gradients["projection.weight"], gradients["projection.bias"]  # type: ignore[return-value]


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("words", [37, 1003])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_shards_compute_what_the_whole_does(
    shards: int, words: int, dtype: torch.dtype, tolerance: float
) -> None:
    torch.manual_seed(shards + words)
    hidden = torch.randn(4, 6, HIDDEN, dtype=dtype)
    weight, bias = torch.randn(words, HIDDEN, dtype=dtype), torch.randn(words, dtype=dtype)
    targets = torch.randint(3, words, (24,))
    targets[[0, 7, 23]] = PADDING
    targets[1], targets[2] = 1, words - 1
    for expected, found in zip(
        whole(hidden, weight, bias, targets), shared(hidden, weight, bias, targets, shards), strict=True
    ):
        assert float((found - expected).norm() / expected.norm()) <= tolerance


def test_nothing_but_padding_has_no_loss_and_no_gradient() -> None:
    hidden = torch.randn(2, 3, HIDDEN)
    found = shared(hidden, torch.randn(9, HIDDEN), torch.randn(9), torch.full((6,), PADDING), 3)
    assert [float(tensor.abs().sum()) for tensor in found] == [0.0] * 4


def test_padding_counts_nowhere_also_in_a_shard_that_has_its_id_alone() -> None:
    hidden, weight, bias = torch.randn(2, 3, HIDDEN), torch.randn(4, HIDDEN), torch.randn(4)
    targets = torch.tensor([PADDING, 1, 2, PADDING, 3, 1])
    expected, found = whole(hidden, weight, bias, targets), shared(hidden, weight, bias, targets, 4)
    for left, right in zip(expected, found, strict=True):
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize("size", [-800.0, 800.0])
def test_logits_that_no_exponential_holds(size: float) -> None:
    """One shard's are far from another's, and all of them far from 0."""
    hidden, weight = torch.ones(2, 3, HIDDEN), torch.randn(12, HIDDEN)
    bias = torch.linspace(0, size, 12)
    targets = torch.randint(3, 12, (6,))
    expected, found = whole(hidden, weight, bias, targets), shared(hidden, weight, bias, targets, 3)
    for left, right in zip(expected, found, strict=True):
        assert right.isfinite().all()
        torch.testing.assert_close(left, right)


def test_pieces_and_whole_tensors_turn_into_each_other() -> None:
    rows = shared_rows(7, [1.0, 1.0, 0.25])
    tensors = {"a": torch.arange(14.0).view(7, 2), "b": torch.ones(3)}
    pieces = dict(cut(tensors.items(), {"a": rows}))
    assert list(pieces) == ["a rows 0-2", "a rows 3-5", "a rows 6-6", "b"]
    found = joined(pieces, {"a": rows})
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)  # type: ignore[arg-type]
    untrained = joined({"a rows 0-2": None, "a rows 3-5": None, "a rows 6-6": None}, {"a": rows})
    assert untrained == {"a": None}


def test_a_shard_has_no_loss_of_its_own() -> None:
    shard = SoftmaxShard(shared_rows(4, [1.0])[0], HIDDEN, onednn=False, dtype=torch.float32, device=None)
    with pytest.raises(AssertionError, match="no loss"):
        shard.loss(None, None)
