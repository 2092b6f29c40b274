"""A softmax that devices share: shards of the projection with a slice of the vocabulary each, and the loss.

With logits z of all words, the largest of them M and the target's z_t, the loss of a position is

    M + log(sum of exp(z - M)) - z_t          and its gradient with respect to z:   exp(z - M) / sum - (1 at t)

A shard i knows its own logits alone. It gives m_i, s_i = sum of exp(z - m_i), and z_t if the target is one of its
words, else 0. With M the largest m_i, the sum is that of s_i exp(m_i - M), and the gradient of a shard's logits

    exp(z - m_i) g_i - (1 at t),       g_i = exp(m_i - M) / sum

So the loss gives each shard g_i, times a position's weight in the step's loss (0 for padding, which has none).

What three shards, the last layers below them and the loss above them give each other for one slice:

    forward, read down:  last layers                      backward, read up:  last layers, which add up what comes

    h [N, H]           |      |      |   the same to each   gradients of h      |      |      |
                    shard 0   1      2                                       shard 0   1      2
    figures [3, N]     |      |      |   m_i, s_i, z_t      g_i x weight [N]    |      |      |
                            loss                                                     loss

A shard keeps exp(z - m_i) from its forward to its backward, which also makes the gradients of its rows.

Shape suffixes: N flattened positions, H hidden, V words of the shard, S shards.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy

from pipebench.models.drawing import draw
from pipebench.models.network import NOTHING, Beside
from pipebench.models.outline import Rows
from pipebench.models.projection import Projection
from pipebench.models.shards import piece
from pipebench.models.text.data import PADDING


def word_loss(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    """Summed cross-entropy of the words that are not padding; positions are T * B."""
    return cross_entropy(logits_NV, targets_N, ignore_index=PADDING, reduction="sum")


class SoftmaxShard(nn.Module):
    """Some rows of the projection.

    Args:
        rows: of the vocabulary.
        hidden: features of its input.
        onednn: whether its products are oneDNN's.
        dtype: of its parameters.
        device: where they are.
    """

    def __init__(
        self, rows: Rows, hidden: int, *, onednn: bool, dtype: torch.dtype, device: torch.device | None
    ) -> None:
        super().__init__()
        self.rows = rows
        self.projection = Projection(hidden, rows.number, onednn=onednn, dtype=dtype, device=device)

    def run(
        self,
        hidden: Tensor,
        state: None,  # noqa: ARG002 - it keeps none
        beside: Beside,
    ) -> tuple[tuple[Tensor, Tensor], None]:
        """The figures [3, N], which carry no gradient, and the sums [N] among them once more, which do.

        Args:
            hidden: the last layer's output [..., H].
            state: none.
            beside: the targets [N], and a position's weight in the step's loss.
        """
        logits_NV = self.projection(hidden.flatten(0, -2))
        figures = _Figures.apply(logits_NV, beside.target, self.rows.first, beside.weight)  # type: ignore[no-untyped-call]
        return figures, None

    def draw(self, seed: int, bound: float, *, vocab: int) -> None:
        """Draw the parameters: the same values as these rows have in the whole projection to ``vocab`` words."""
        for name, parameter in self.named_parameters():
            draw(parameter, seed, name, bound, of=vocab, rows=self.rows)

    def loss(self, output: Any, target: Any) -> Tensor:  # noqa: ARG002 - the protocol's signature
        """Never called: a shard has no loss."""
        raise AssertionError("a shard has no loss")

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters by names that say which rows they are."""
        for name, parameter in self.named_parameters():
            yield piece(name, self.rows), parameter

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters by such names; there are no buffers."""
        return self.named()


class Shared(Protocol):
    """The facts of a model that a shard of its projection takes."""

    @property
    def hidden(self) -> int:
        """Input features."""

    @property
    def vocab(self) -> int:
        """Words of the whole projection."""

    @property
    def onednn(self) -> bool:
        """Whether its products are oneDNN's."""


def drawn_shard(
    rows: Rows, of: Shared, seed: int, bound: float, *, dtype: torch.dtype, device: torch.device | None
) -> SoftmaxShard:
    """A shard with the first parameters that the whole projection has in these rows."""
    shard = SoftmaxShard(rows, of.hidden, onednn=of.onednn, dtype=dtype, device=device)
    shard.draw(seed, bound, vocab=of.vocab)
    return shard


class JoinedLoss(nn.Module):
    """Joins the figures of all shards to the loss; it has no parameters."""

    def run(
        self,
        input_: Sequence[Tensor],
        state: None,  # noqa: ARG002 - it keeps none
        beside: Beside = NOTHING,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[Tensor, None]:
        """The loss of each position [N], padding included.

        Args:
            input_: figures [3, N] and zeros [N] of each shard in turn. The gradient of the zeros is that of the sums.
            state: none.
            beside: not used.
        """
        figures_S3N = torch.stack(list(input_[::2]))
        return _Joined.apply(figures_S3N, *input_[1::2]), None  # type: ignore[no-untyped-call]

    def loss(self, losses_N: Tensor, targets_N: Tensor) -> Tensor:
        """The loss, summed over the words that are not padding."""
        return torch.where(targets_N != PADDING, losses_N, 0).sum()

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Nothing: there are no parameters."""
        return self.named_parameters()

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """Nothing: there are no parameters."""
        return self.named_parameters()


class _Figures(torch.autograd.Function):
    """From logits to figures, and back from the gradient of the sums among them."""

    @staticmethod
    def forward(ctx: Any, logits_NV: Tensor, targets_N: Tensor, first: int, weight: float) -> Any:
        """Compute the figures in few calls: a shard's products are so small that each call counts."""
        largest_N = logits_NV.amax(1)
        exponentials_NV = (logits_NV - largest_N[:, None]).exp_()
        sums_N = exponentials_NV.sum(1)
        words_N = targets_N - first
        near_N = words_N.clamp(0, logits_NV.shape[1] - 1)
        ours_N = ((words_N == near_N) & (targets_N != PADDING)).to(
            logits_NV.dtype
        )  # 1: the target is one of these
        near_N1 = near_N[:, None]
        figures_3N = torch.stack((largest_N, sums_N, logits_NV.gather(1, near_N1)[:, 0] * ours_N))
        ctx.exponentials_NV, ctx.near_N1, ctx.ours_N, ctx.weight = exponentials_NV, near_N1, ours_N, weight
        ctx.mark_non_differentiable(figures_3N)
        return figures_3N, sums_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: Tensor, scale_N: Tensor) -> Any:
        """Compute the logits' gradient in the memory of the exponentials, which are no longer needed."""
        gradient_NV = ctx.exponentials_NV.mul_(scale_N[:, None])
        gradient_NV.scatter_add_(1, ctx.near_N1, ctx.ours_N.mul_(-ctx.weight)[:, None])
        ctx.exponentials_NV = None
        return gradient_NV, None, None, None


class _Joined(torch.autograd.Function):
    """From the figures of all shards to the loss of each position, and back to the gradient of each shard's sums."""

    @staticmethod
    def forward(ctx: Any, figures_S3N: Tensor, *zeros_N: Tensor) -> Tensor:  # noqa: ARG004 - there for their gradient
        """The loss of each position: M + log(sum) - z_t."""
        largest_SN, sums_SN, targets_SN = figures_S3N.unbind(1)
        largest_N = largest_SN.amax(0)
        scales_SN = (largest_SN - largest_N).exp_()
        sum_N = (sums_SN * scales_SN).sum(0)
        ctx.scales_SN = scales_SN.div_(sum_N)
        return largest_N + sum_N.log() - targets_SN.sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: Tensor) -> Any:
        """The gradient of each shard's sums: exp(m_i - M) / sum, times the position's weight."""
        return None, *(ctx.scales_SN * gradient_N).unbind(0)
