"""A softmax that devices share, without autograd; see ``softmax`` for what its shards and the loss compute.

The rows of slices that run together lie side by side in one buffer, so that one product computes them all. In W one
product takes all rows that wait.

Shape suffixes: K slices that run together, N flattened positions of a slice, R rows: K * N, H hidden, V words of the
shard, S shards.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.models.network import StepBatch
from pipebench.models.shards import FIGURES
from pipebench.models.softmax import SoftmaxShard
from pipebench.models.split import At, Payload
from pipebench.models.split_projection import SplitProjection
from pipebench.models.split_slots import Slots
from pipebench.models.split_targets import Targets
from pipebench.models.stacked_lstm.split.products import Products


class ShardSizes(NamedTuple):
    """A plan's number of slices in a step, and the time steps and sequences of one slice."""

    slices: int
    steps: int
    batch: int

    @property
    def positions(self) -> int:
        """Positions of a slice."""
        return self.steps * self.batch


class _Rows:
    """Views of the slices in places ``first`` to ``end - 1``, which lie side by side."""

    def __init__(self, buffers: "_Buffers", first: int, end: int) -> None:
        steps = buffers.steps
        self.hidden_TBH = buffers.hidden_TBH[first * steps : end * steps]  # one slice after another in T
        self.hidden_RH = self.hidden_TBH.flatten(0, 1)
        self.exponentials_KNV = buffers.exponentials_KNV[first:end]  # after I: the gradients of the logits
        self.exponentials_RV = self.exponentials_KNV.flatten(0, 1)
        self.near_R1 = buffers.near_KN[first:end].view(-1, 1)
        self.ours_R1 = buffers.ours_KN[first:end].view(-1, 1)
        figures_K3N = buffers.figures_K3N[first:end]
        self.payloads: list[Payload] = [(figures_3N,) for figures_3N in figures_K3N.unbind(0)]
        self.largest_KN, self.sums_KN, self.targets_KN = figures_K3N.unbind(1)
        self.largest_KN1 = self.largest_KN[..., None]


class _Buffers:
    """The memory of all slices of a step. Figures are sent from it; the rest is kept for the backward."""

    def __init__(self, sizes: ShardSizes, like: Tensor) -> None:
        words, hidden = like.shape
        slices, self.steps, batch = sizes
        empty = like.detach().new_empty
        self.hidden_TBH = empty(slices * self.steps, batch, hidden)
        self.exponentials_KNV = empty(slices, sizes.positions, words)
        self.near_KN = empty(slices, sizes.positions, dtype=torch.int64)  # the target's place, or any place
        self.ours_KN = empty(
            slices, sizes.positions
        )  # 1 where the target is one of the shard's words, else 0
        self.figures_K3N = empty(slices, FIGURES, sizes.positions)
        self._views: dict[tuple[int, int], _Rows] = {}

    def between(self, first: int, end: int) -> _Rows:
        """Places ``first`` to ``end - 1``; the views are made once."""
        found = self._views.get((first, end))
        if found is None:
            found = self._views[first, end] = _Rows(self, first, end)
        return found


class SplitShard:
    """A ``Split`` (see ``models.split``) of one shard.

    Args:
        shard: its parameters are used, and get their gradients.
        products: the library that computes products.
        sizes: of the plan's slices.
    """

    def __init__(self, shard: SoftmaxShard, products: Products, sizes: ShardSizes) -> None:
        self.products, self._first = products.name, shard.rows.first
        self._words, self._sizes = shard.rows.number, sizes
        self._projection = SplitProjection(shard.projection, products, sizes.positions)
        self._buffers = _Buffers(sizes, shard.projection.weight)
        self._dtype = shard.projection.weight.dtype
        self._slots = Slots()
        self._batch: StepBatch
        self._near: list[Tensor] = []
        self._ours: list[Tensor] = []

    def load(self, batch: StepBatch) -> None:
        """See ``Split``."""
        self._batch = batch

    def begin(self) -> None:
        """See ``Split``."""
        self._projection.refresh()
        targets = Targets(self._batch, self._dtype)
        words_SN1 = targets.words_SN1 - self._first
        near_SN1 = words_SN1.clamp(0, self._words - 1)
        ours_SN1 = ((words_SN1 == near_SN1) & (targets.weights_SN1 != 0)).to(self._dtype)
        self._slot, self._weight = targets.slot, 1 / self._batch.divisor
        self._near, self._ours = [*near_SN1.unbind(0)], [*ours_SN1.unbind(0)]

    def forward(self, slices: Sequence[At], received: Sequence[Sequence[Payload]]) -> list[Payload]:
        """See ``Split``; in few calls: a shard's products are so small that each call counts."""
        rows = self._buffers.between(*self._slots.take(slices))
        torch.cat([given[0][0] for given in received], out=rows.hidden_TBH)
        torch.cat([self._near[self._slot(at)] for at in slices], out=rows.near_R1)
        torch.cat([self._ours[self._slot(at)] for at in slices], out=rows.ours_R1)
        logits_RV, exponentials_KNV = self._projection.forward(rows.hidden_RH), rows.exponentials_KNV
        logits_KNV = logits_RV.view_as(exponentials_KNV)
        torch.amax(logits_KNV, 2, out=rows.largest_KN)
        torch.sub(logits_KNV, rows.largest_KN1, out=exponentials_KNV)
        torch.sum(exponentials_KNV.exp_(), 2, out=rows.sums_KN)
        found_R1 = logits_RV.gather(1, rows.near_R1).mul_(rows.ours_R1)
        rows.targets_KN.copy_(found_R1.view_as(rows.targets_KN))
        return rows.payloads

    def backward_input(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> list[list[Payload]]:
        """See ``Split``."""
        scales_N = {at: given[0][0] for at, given in zip(slices, received, strict=True)}
        ordered = self._slots.ordered(slices)
        found: list[Tensor] = []
        for first, end in self._slots.runs(ordered):
            together = ordered[len(found) : len(found) + end - first]
            rows = self._buffers.between(first, end)
            scales_KN = torch.stack([scales_N[at] for at in together])
            rows.exponentials_KNV.mul_(scales_KN[..., None])
            rows.exponentials_RV.scatter_add_(1, rows.near_R1, rows.ours_R1.mul_(-self._weight))
            gradient_RH = self._projection.backward_input(rows.exponentials_RV)
            found += torch.split(gradient_RH.view_as(rows.hidden_TBH), self._sizes.steps)
        gradients = dict(zip(ordered, found, strict=True))
        return [[(gradients[at],)] for at in slices]

    def backward_weight(self, slices: Sequence[At]) -> None:
        """See ``Split``."""
        pieces = [
            self._buffers.between(first, end) for first, end in self._slots.runs(self._slots.ordered(slices))
        ]
        pairs = [(piece.exponentials_RV, piece.hidden_RH) for piece in pieces]
        if len(pairs) == 1:
            self._projection.backward_weight(*pairs[0])
        else:
            self._projection.backward_weight(*map(torch.cat, zip(*pairs, strict=True)))
        self._slots.free(slices)

    def finish(self) -> None:
        """See ``Split``."""
        self._projection.finish()


class SplitLoss:
    """Joins the figures of all shards to the loss; its forward knows the gradients already.

    Args:
        dtype: of the figures.
    """

    products = "blas"  # it has no products

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._gradients: dict[At, list[Payload]] = {}
        self._batch: StepBatch
        self._targets: Targets

    def load(self, batch: StepBatch) -> None:
        """See ``Split``."""
        self._batch = batch

    def begin(self) -> None:
        """See ``Split``."""
        self._targets = Targets(self._batch, self._dtype)

    def forward(self, slices: Sequence[At], received: Sequence[Sequence[Payload]]) -> list[Tensor]:
        """See ``Split``; ``received`` has for each slice the figures [3, N] of each shard."""
        figures = torch.stack([payload[0] for given in received for payload in given])
        figures_KS3N = figures.view(len(slices), -1, *figures.shape[1:])
        largest_KSN, sums_KSN, targets_KSN = figures_KS3N.unbind(2)
        weights_KN = torch.cat([self._targets.weights(at) for at in slices]).view(len(slices), -1)
        largest_K1N = largest_KSN.amax(1, keepdim=True)
        scales_KSN = (largest_KSN - largest_K1N).exp_()
        sum_KN = (sums_KSN * scales_KSN).sum(1)
        scales_KSN.mul_((weights_KN / sum_KN)[:, None])
        for at, scales_SN in zip(slices, scales_KSN.unbind(0), strict=True):
            self._gradients[at] = [(scale_N,) for scale_N in scales_SN.unbind(0)]
        losses_KN = sum_KN.log_().add_(largest_K1N[:, 0]).sub_(targets_KSN.sum(1))
        return [*losses_KN.mul_(weights_KN).sum(1).unbind(0)]

    def backward_input(
        self,
        slices: Sequence[At],
        received: Sequence[Sequence[Payload]],  # noqa: ARG002 - no stage is above
    ) -> list[list[Payload]]:
        """See ``Split``; for each slice and each shard, the gradient [N] of the shard's sums."""
        return [self._gradients.pop(at) for at in slices]

    def backward_weight(self, slices: Sequence[At]) -> None:
        """Nothing to do: there are no parameters."""

    def finish(self) -> None:
        """Nothing to do: there are no parameters."""
