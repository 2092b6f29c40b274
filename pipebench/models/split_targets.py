"""The targets of a step's slices, prepared for all slices at once.

Shape suffixes: N flattened positions of a slice.
"""

from itertools import chain

import torch
from torch import Tensor

from pipebench.models.network import StepBatch
from pipebench.models.split import At
from pipebench.models.text.data import PADDING


class Targets:
    """The target words of each slice, and their weights in the step's loss, which are 0 for padding."""

    def __init__(self, batch: StepBatch, dtype: torch.dtype) -> None:
        words_SN = torch.stack([*chain.from_iterable(batch.targets)])
        weights_SN = (words_SN != PADDING).to(dtype).mul_(1 / batch.divisor)
        self._chunks = len(batch.targets[0])
        self.words_SN1, self.weights_SN1 = words_SN[..., None], weights_SN[..., None]
        self._words_N1 = self.words_SN1.unbind(0)
        self._weights_N1 = self.weights_SN1.unbind(0)

    def slot(self, at: At) -> int:
        """The number of a slice among all slices of the step."""
        microbatch, chunk = at
        return microbatch * self._chunks + chunk

    def words(self, at: At) -> Tensor:
        """The target words of a slice [N, 1]."""
        return self._words_N1[self.slot(at)]

    def weights(self, at: At) -> Tensor:
        """The weights of a slice's words [N, 1]."""
        return self._weights_N1[self.slot(at)]
