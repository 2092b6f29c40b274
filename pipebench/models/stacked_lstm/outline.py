"""The stacked LSTM in numbers: parameters, operations and bytes, without running it. Pure.

    tokens [T, B] -> embedding -> L x LSTM -> projection -> cross-entropy over the next words

Operations count multiply-adds of matrix products as 2, and a backward as twice its forward. Bytes are
computed, not measured, and are labelled so wherever they are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipebench.models.edges import DTYPE_BYTES, Edge, TensorSpec
from pipebench.models.outline import FormKind, MemoryBytes, Row, Slice, even_shares
from pipebench.models.shards import FIGURES, LOSS_TEXT, figures_edge, shard_text

_TRAINING = 3  # a forward and a backward twice as expensive
_FLOAT64 = 2.0  # times the seconds of float32

# layers, hidden, vocab, batch, sequence length: chosen by the time they take, never by the figure they give
PRESETS = {
    name: dict(zip(("layers", "hidden", "vocab", "batch", "sequence_length"), sizes, strict=True))
    for name, sizes in (
        ("talk8-small", (8, 256, 1000, 128, 32)),
        ("talk8", (8, 1000, 4000, 128, 32)),
        ("tiny", (8, 32, 200, 32, 16)),
    )
}


@dataclass(frozen=True, slots=True)
class LSTMOutline:
    """Sizes of the model and of one step's batch of ``batch`` sequences of ``sequence_length`` words."""

    layers: int
    hidden: int
    vocab: int
    batch: int
    sequence_length: int
    dtype: str = "float32"
    onednn: bool = False  # whether the projection's products are oneDNN's, see projection.py

    forms: ClassVar[Sequence[FormKind]] = ("fused", "chain", "chain-microbatches")
    bytes_are: ClassVar[str] = "computed"
    tells_speed: ClassVar[bool] = True
    segments: ClassVar[int] = 1
    clips: ClassVar[bool] = False
    heavier: ClassVar[str] = "a larger --hidden"
    head_parameters: ClassVar[Sequence[str]] = ("projection.weight", "projection.bias")

    @property
    def row(self) -> Row:
        """LSTM layers; the projection may stand alone."""
        return Row(self.layers, "LSTM layers", "--layers", "projection")

    @property
    def element_bytes(self) -> int:
        """Bytes of one number."""
        return DTYPE_BYTES[self.dtype]

    @property
    def positions(self) -> int:
        """Words of one step, padding included."""
        return self.batch * self.sequence_length

    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters; an LSTM layer has two bias vectors, as torch has it."""
        lstm = 4 * self.hidden * (2 * self.hidden) + 2 * 4 * self.hidden
        projection = self._words(part) * (self.hidden + 1)
        return part.layers * lstm + part.opens * self.vocab * self.hidden + projection

    def _words(self, part: Slice) -> int:
        """Of the vocabulary, that a part has in its projection."""
        if part.rows is not None:
            return part.rows.number
        return self.vocab if part.closes and not part.joins else 0

    def step_flops(self, part: Slice) -> int:
        """Operations of one training step on a part; looking up an embedding costs none."""
        multiply_adds = part.layers * 8 * self.hidden**2 + self.hidden * self._words(part)
        return _TRAINING * 2 * multiply_adds * self.positions

    @property
    def whole(self) -> Slice:
        """All of the model as one part."""
        return Slice(0, self.layers, opens=True, closes=True)

    def saved_numbers(self, part: Slice) -> int:
        """Numbers a part keeps from forward to backward for one position of one sequence.

        An LSTM layer keeps its input, its output, and torch's workspace of 4 gates, the cell state and its
        tanh (6 in all); the projection keeps its input, its logits and their log-softmax. A shard of it keeps its input
        and the exponentials, what joins shards the figures of each, zeros beside them, their scales, and the losses.
        """
        if part.rows is not None:
            return self.hidden + part.rows.number
        if part.joins:
            return part.joins * (FIGURES + 2) + 1
        return part.layers * 8 * self.hidden + part.closes * (self.hidden + 2 * self.vocab)

    def saved_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes that a part keeps for the backward of one of ``slices`` equal slices of the batch."""
        return self.positions // slices * self.saved_numbers(part) * self.element_bytes

    def past_bytes(self, part: Slice, slices: int = 1) -> int:  # noqa: ARG002 - the protocol's signature
        """None: what a chunk leaves to the next one does not grow."""
        return 0

    def split_bytes(self, part: Slice, microbatches: int) -> int | None:
        """An LSTM layer keeps [x|h] and -2c of each position, four gates, the candidate and the squashed cell state.

        The head keeps its input and the gradients of its logits. A shard keeps the same of its words, with its figures,
        and the place of the target and whether it is there. What joins shards keeps as much as a fused one.
        """
        if part.joins:
            return None
        if part.rows is not None:
            numbers = self.hidden + part.rows.number + FIGURES + 2
        else:
            numbers = part.layers * 9 * self.hidden + part.closes * (self.hidden + self.vocab)
        return self.positions // microbatches * numbers * self.element_bytes

    def chunk_shares(self, part: Slice, chunks: int) -> list[float]:  # noqa: ARG002 - the protocol's signature
        """All alike."""
        return even_shares(chunks)

    def input_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes of a slice's input alone: activations, or figures with zeros; words are the batch's, kept anyway."""
        numbers = part.joins * (FIGURES + 1) if part.joins else self.hidden
        return 0 if part.opens else self.positions // slices * numbers * self.element_bytes

    def memory(self, part: Slice, saved_bytes: int) -> MemoryBytes:
        """Computed bytes of a device that keeps so much for its backwards; SGD has no state."""
        parameters = self.parameters(part) * self.element_bytes
        return MemoryBytes(parameters, parameters, 0, saved_bytes)

    @property
    def time(self) -> int:
        """Words of a sequence, which chunks cut."""
        return self.sequence_length

    def text(self, part: Slice) -> str:
        """Such as ``embedding + LSTM 0-1``."""
        if part.rows is not None:
            return shard_text(part.rows)
        if part.joins:
            return LOSS_TEXT
        lstm = f"LSTM {part.first}" if part.layers == 1 else f"LSTM {part.first}-{part.end - 1}"
        parts = ["embedding"] * part.opens + [lstm] * (part.layers > 0) + ["projection"] * part.closes
        return " + ".join(parts)

    def where(self, names: Sequence[str]) -> str:
        """The part that has the parameters of these names."""
        lstm = [int(name.split(".")[1]) for name in names if name.startswith("lstm.")]
        opens, closes = (any(name.startswith(part) for name in names) for part in ("embedding", "projection"))
        return self.text(Slice(min(lstm, default=0), max(lstm, default=-1) + 1, opens, closes))

    def step_s(self, part: Slice, flops_per_s: float) -> float:
        """Assumed seconds of one training step on a part."""
        return (_FLOAT64 if self.dtype == "float64" else 1.0) * self.step_flops(part) / flops_per_s

    @property
    def head_rows(self) -> int:
        """The vocabulary."""
        return self.vocab

    def edge(self, part: Slice, microbatches: int, chunks: int) -> Edge:
        """Activations [T, B, H] of a slice, or a shard's figures of its words."""
        length, sequences = self.sequence_length // chunks, self.batch // microbatches
        if part.rows is not None:
            return figures_edge(length * sequences, self.dtype)
        return Edge((TensorSpec((length, sequences, self.hidden), self.dtype, gradient=True),))
