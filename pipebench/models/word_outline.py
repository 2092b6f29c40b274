"""A model of words on paper: what embedding, equal layers and projection have in common, whatever the layers are. Pure.

    words -> embedding -> layers -> projection -> cross-entropy

Operations count multiply-adds of matrix products as 2, and a backward as twice its forward. Bytes are computed, not
measured, and are labelled so wherever they are shown.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pipebench.models.edges import DTYPE_BYTES
from pipebench.models.outline import MemoryBytes, Slice, even_shares
from pipebench.models.shards import FIGURES, LOSS_TEXT, shard_text

TRAINING = 3  # a forward and a backward twice as expensive
_FLOAT64 = 2.0  # times the seconds of float32


class WordOutline(ABC):
    """What is the same for all such models: a base class of their outlines, which have the fields."""

    __slots__ = ()

    layers: int
    hidden: int
    vocab: int
    batch: int
    sequence_length: int
    dtype: str

    bytes_are: ClassVar[str] = "computed"
    heavier: ClassVar[str] = "a larger --hidden"
    head_parameters: ClassVar[Sequence[str]] = ("projection.weight", "projection.bias")
    segments: ClassVar[int] = 1
    embedding: ClassVar[str] = "embedding"  # in words
    one_layer: ClassVar[str]
    several_layers: ClassVar[str]

    @property
    def element_bytes(self) -> int:
        """Bytes of one number."""
        return DTYPE_BYTES[self.dtype]

    @property
    def positions(self) -> int:
        """Words of one step in all segments of time, padding included."""
        return self.segments * self.batch * self.sequence_length

    @property
    def time(self) -> int:
        """Words of a sequence, which chunks cut."""
        return self.sequence_length

    @property
    def head_rows(self) -> int:
        """The vocabulary of what is predicted."""
        return self.vocab

    @abstractmethod
    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters."""

    @abstractmethod
    def step_flops(self, part: Slice) -> float:
        """Operations of one training step on a part; looking up an embedding costs none."""

    @abstractmethod
    def layer_numbers(self, part: Slice) -> int:
        """Numbers that the layers of a part keep from forward to backward for one position of one sequence."""

    def step_s(self, part: Slice, flops_per_s: float) -> float:
        """Assumed seconds of one training step on a part."""
        return (_FLOAT64 if self.dtype == "float64" else 1.0) * self.step_flops(part) / flops_per_s

    def words(self, part: Slice) -> int:
        """How many words of the vocabulary a part has in its projection."""
        if part.rows is not None:
            return part.rows.number
        return self.vocab if part.closes and not part.joins else 0

    def saved_numbers(self, part: Slice) -> int:
        """Numbers that a part keeps from forward to backward for one position of one sequence.

        The projection keeps its input, its logits and their log-softmax. A shard of it keeps its input and the
        exponentials. What joins the shards keeps the figures of each, zeros beside them, their scales, and the losses.
        """
        if part.rows is not None:
            return self.hidden + part.rows.number
        if part.joins:
            return part.joins * (FIGURES + 2) + 1
        return self.layer_numbers(part) + part.closes * (self.hidden + 2 * self.vocab)

    def saved_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes that a part keeps for the backward of one of ``slices`` slices of a segment, without ``past_bytes``."""
        return self.slice_bytes(self.saved_numbers(part), slices)

    def past_bytes(self, part: Slice, slices: int = 1) -> int:  # noqa: ARG002 - the protocol's signature
        """No bytes: what a chunk leaves to the next one does not grow."""
        return 0

    def split_bytes(self, part: Slice, microbatches: int) -> int | None:  # noqa: ARG002 - the protocol's signature
        """``None``: there is no split cell."""
        return None

    def split_weight_bytes(self, part: Slice) -> int:  # noqa: ARG002 - the protocol's signature
        """No bytes: there is no split cell."""
        return 0

    def chunk_shares(self, part: Slice, chunks: int) -> list[float]:  # noqa: ARG002 - the protocol's signature
        """Equal shares: all chunks are alike."""
        return even_shares(chunks)

    def input_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes of a slice's input alone: activations, or figures with zeros; words are the batch's, kept anyway."""
        if part.opens:
            return 0
        numbers = part.joins * (FIGURES + 1) if part.joins else self.hidden
        return self.slice_bytes((self.segments if part.layers else 1) * numbers, slices)

    def slice_bytes(self, numbers: int, slices: int) -> int:
        """Bytes of one of ``slices`` slices of a segment, with so many ``numbers`` for each position."""
        return self.batch * self.sequence_length // slices * numbers * self.element_bytes

    def memory(self, part: Slice, saved_bytes: int) -> MemoryBytes:
        """Computed bytes of a device that keeps so much for its backwards; SGD has no state."""
        parameters = self.parameters(part) * self.element_bytes
        return MemoryBytes(parameters, parameters, 0, saved_bytes)

    def text(self, part: Slice) -> str:
        """A part in words, such as ``embedding + LSTM 0-1``."""
        if part.rows is not None:
            return shard_text(part.rows)
        if part.joins:
            return LOSS_TEXT
        one, several = f"{self.one_layer} {part.first}", f"{self.several_layers} {part.first}-{part.end - 1}"
        layers = [one if part.layers == 1 else several] * (part.layers > 0)
        return " + ".join([self.embedding] * part.opens + layers + ["projection"] * part.closes)
