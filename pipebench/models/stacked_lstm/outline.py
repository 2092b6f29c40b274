"""The stacked LSTM in numbers: parameters, operations and bytes, without running it. Pure.

    tokens [T, B] -> embedding -> L x LSTM -> projection -> cross-entropy over the next words

What it has in common with other models of words, and how operations and bytes count: see ``models/word_outline.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipebench.models.edges import Edge, TensorSpec
from pipebench.models.outline import FormKind, Row, Slice
from pipebench.models.shards import FIGURES, figures_edge
from pipebench.models.word_outline import TRAINING, WordOutline

LAYER_NUMBERS = 8  # times the width: what an LSTM layer keeps of a position
_BLOCK = 64  # oneDNN packs weights in blocks of at most so many rows and columns, and fills the last one up

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
class LSTMOutline(WordOutline):
    """Sizes of the model and of one step's batch of ``batch`` sequences of ``sequence_length`` words."""

    layers: int
    hidden: int
    vocab: int
    batch: int
    sequence_length: int
    dtype: str = "float32"
    onednn: bool = False  # whether the projection's products are oneDNN's, see projection.py

    forms: ClassVar[Sequence[FormKind]] = ("fused", "chain", "chain-microbatches")
    tells_speed: ClassVar[bool] = True
    clips: ClassVar[bool] = False
    one_layer: ClassVar[str] = "LSTM"
    several_layers: ClassVar[str] = "LSTM"

    @property
    def row(self) -> Row:
        """LSTM layers; the projection may stand alone."""
        return Row(self.layers, "LSTM layers", "--layers", "projection")

    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters; an LSTM layer has two bias vectors, as torch has it."""
        lstm = 4 * self.hidden * (2 * self.hidden) + 2 * 4 * self.hidden
        projection = self.words(part) * (self.hidden + 1)
        return part.layers * lstm + part.opens * self.vocab * self.hidden + projection

    def step_flops(self, part: Slice) -> int:
        """Operations of one training step on a part; looking up an embedding costs none."""
        multiply_adds = part.layers * 8 * self.hidden**2 + self.hidden * self.words(part)
        return TRAINING * 2 * multiply_adds * self.positions

    def layer_numbers(self, part: Slice) -> int:
        """An LSTM layer keeps its input, its output, and torch's workspace: 4 gates, the cell state and its tanh."""
        return part.layers * LAYER_NUMBERS * self.hidden

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
        return self.slice_bytes(numbers, microbatches)

    def split_weight_bytes(self, part: Slice) -> int:
        """The scaled weights of a layer, its weights as the products of F and I take them, and W's running total.

        The projection, or a shard of it, has all but the first. Libraries differ in what they copy; this is the most,
        oneDNN's packed weights. Layers give their totals up one after the other, but on a CPU that memory is not used
        again at once, and all of it counts.
        """
        both, gates, words = 2 * self.hidden, 4 * self.hidden, self.words(part)
        forwards, halves = _packed(gates, both), 2 * _packed(self.hidden, gates)
        layer = gates * both + gates + forwards + halves + both * gates + gates
        projection = _packed(words, self.hidden) + _packed(self.hidden, words) + words * (self.hidden + 1)
        return (part.layers * layer + projection) * self.element_bytes

    def where(self, names: Sequence[str]) -> str:
        """The part that has the parameters of these names."""
        lstm = [int(name.split(".")[1]) for name in names if name.startswith("lstm.")]
        opens, closes = (any(name.startswith(part) for name in names) for part in ("embedding", "projection"))
        return self.text(Slice(min(lstm, default=0), max(lstm, default=-1) + 1, opens, closes))

    def edge(self, part: Slice, microbatches: int, chunks: int) -> Edge:
        """Activations [T, B, H] of a slice, or a shard's figures of its words."""
        length, sequences = self.sequence_length // chunks, self.batch // microbatches
        if part.rows is not None:
            return figures_edge(length * sequences, self.dtype)
        return Edge((TensorSpec((length, sequences, self.hidden), self.dtype, gradient=True),))


def _packed(rows: int, columns: int) -> int:
    """Numbers in a packed matrix of whole blocks."""
    return -(-rows // _BLOCK) * _BLOCK * -(-columns // _BLOCK) * _BLOCK
