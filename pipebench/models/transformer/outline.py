"""The Transformer in numbers: parameters, operations and bytes, without running it. Pure.

    tokens [B, T] -> embedding + positions -> L x block -> norm -> projection -> cross-entropy over the next words
    block: x + attention(norm(x)), then x + MLP(norm(x)), pre-norm (GPT-2), causal

The final norm goes with the last block. Operations count multiply-adds of matrix products as 2, and a backward as twice
its forward; of attention those that the mask lets through. Bytes are computed, not measured, and labelled so wherever
they are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipebench.models.edges import DTYPE_BYTES, Edge, TensorSpec
from pipebench.models.outline import FormKind, MemoryBytes, Row, Slice, even_shares
from pipebench.models.shards import FIGURES, LOSS_TEXT, figures_edge, shard_text

EXPANSION = 4  # of the MLP, over the width
_TRAINING = 3  # a forward and a backward twice as expensive
_FLOAT64 = 2.0  # times the seconds of float32
_BLOCK_WEIGHTS = 4 + 2 * EXPANSION  # width x width each: query, key, value, output, and the MLP's two
_NORM_NUMBERS = 2  # a weight and a bias for each of the width
_KEPT = 14  # times the width: what a block keeps of a position beside its key and value, see saved_numbers
_KEY_AND_VALUE = 2
# With oneDNN autograd keeps a copy of what a linear layer is given and gives: query, key and value, output, MLP's two.
_COPIED = (1 + 1 + 1 + 1 + EXPANSION) + (1 + 2 + 1 + EXPANSION + 1)

# blocks, width, heads, vocabulary, batch, words of a sequence
PRESETS = {
    name: dict(zip(("layers", "hidden", "heads", "vocab", "batch", "sequence_length"), sizes, strict=True))
    for name, sizes in (
        ("transformer-small", (8, 256, 8, 1000, 32, 64)),
        ("transformer-tiny", (4, 32, 2, 200, 32, 16)),
    )
}


@dataclass(frozen=True, slots=True)
class TransformerOutline:
    """Sizes of the model and of one step's batch of ``batch`` sequences of ``sequence_length`` words.

    ``hidden`` is the width, ``layers`` the number of blocks.
    """

    layers: int
    hidden: int
    heads: int
    vocab: int
    batch: int
    sequence_length: int
    dtype: str = "float32"
    onednn: bool = False  # whether the projection's products are oneDNN's, see projection.py
    onednn_blocks: bool = (
        False  # likewise of the blocks; not known yet: whether they can be, since it takes more
    )

    forms: ClassVar[Sequence[FormKind]] = ("chain", "chain-microbatches")
    bytes_are: ClassVar[str] = "computed"
    tells_speed: ClassVar[bool] = False
    segments: ClassVar[int] = 1
    clips: ClassVar[bool] = False
    heavier: ClassVar[str] = "a larger --hidden"
    head_parameters: ClassVar[Sequence[str]] = ("projection.weight", "projection.bias")

    @property
    def row(self) -> Row:
        """Blocks; the projection may stand alone."""
        return Row(self.layers, "blocks", "--layers", "projection")

    @property
    def element_bytes(self) -> int:
        """Bytes of one number."""
        return DTYPE_BYTES[self.dtype]

    @property
    def positions(self) -> int:
        """Words of one step, padding included."""
        return self.batch * self.sequence_length

    @property
    def time(self) -> int:
        """Words of a sequence, which chunks cut."""
        return self.sequence_length

    @property
    def head_rows(self) -> int:
        """The vocabulary."""
        return self.vocab

    @property
    def whole(self) -> Slice:
        """All of the model as one part."""
        return Slice(0, self.layers, opens=True, closes=True)

    def has_final_norm(self, part: Slice) -> bool:
        """Whether the last block is in it."""
        return part.layers > 0 and part.end == self.layers

    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters; the linear layers of a block have no bias, norms and projection do."""
        norms = _NORM_NUMBERS * self.hidden
        blocks = part.layers * (_BLOCK_WEIGHTS * self.hidden**2 + 2 * norms)
        embeddings = part.opens * (self.vocab + self.sequence_length) * self.hidden
        return blocks + embeddings + self.has_final_norm(part) * norms + self._words(part) * (self.hidden + 1)

    def _words(self, part: Slice) -> int:
        """Of the vocabulary, that a part has in its projection."""
        if part.rows is not None:
            return part.rows.number
        return self.vocab if part.closes and not part.joins else 0

    def step_flops(self, part: Slice) -> int:
        """Operations of one training step on a part; looking up an embedding costs none."""
        return sum(self._chunk_flops(part, 0, self.sequence_length))

    def _chunk_flops(self, part: Slice, first: int, end: int) -> tuple[int, int]:
        """Operations of the words ``first`` up to (not including) ``end`` of all sequences: of products, of attention.

        A position attends to itself and to all before it, with two products of the width for each.
        """
        products = part.layers * _BLOCK_WEIGHTS * self.hidden**2 + self.hidden * self._words(part)
        attended = (first + 1 + end) * (end - first) // 2
        attention = part.layers * 2 * self.hidden * attended
        each = _TRAINING * 2 * self.batch
        return each * products * (end - first), each * attention

    def split_bytes(self, part: Slice, microbatches: int) -> None:
        """It has no split cell of its own."""

    def chunk_shares(self, part: Slice, chunks: int) -> list[float]:
        """Of a part's work: the later a chunk, the more its words attend to."""
        steps = self.sequence_length // chunks
        flops = [sum(self._chunk_flops(part, n * steps, (n + 1) * steps)) for n in range(chunks)]
        return [each / sum(flops) for each in flops] if any(flops) else even_shares(chunks)

    def step_s(self, part: Slice, flops_per_s: float) -> float:
        """Assumed seconds of one training step on a part."""
        return (_FLOAT64 if self.dtype == "float64" else 1.0) * self.step_flops(part) / flops_per_s

    def saved_numbers(self, part: Slice) -> int:
        """Numbers that a part keeps from forward to backward for one position of one sequence.

        A block keeps what its two norms were given and gave, with a mean and a deviation each (4 of the width and 4),
        the query, the key, the value and the output of attention (4, and a number for each head), and of the MLP what
        it computes before and after GELU (8). The final norm keeps its input, the projection its input, its logits and
        their log-softmax; shards keep what the stacked LSTM's do. Masks, which all slices of a part share, are not
        counted, nor is the matrix of attention, which torch keeps on a GPU in float64 (it has no fused one).
        """
        if part.rows is not None:
            return self.hidden + part.rows.number
        if part.joins:
            return part.joins * (FIGURES + 2) + 1
        norm = self.hidden + 2
        block = (_KEPT + _KEY_AND_VALUE) * self.hidden + 4 + self.heads
        copies = self.onednn_blocks * _COPIED * self.hidden
        head = part.closes * (self.hidden + 2 * self.vocab)
        return part.layers * (block + copies) + self.has_final_norm(part) * norm + head

    def saved_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes that a part keeps for the backward of the first of ``slices`` equal slices of a sequence."""
        return self.positions // slices * self.saved_numbers(part) * self.element_bytes

    def past_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes of the keys and values of one chunk, which each later one keeps beside its own."""
        return self.positions // slices * part.layers * _KEY_AND_VALUE * self.hidden * self.element_bytes

    def input_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes of a slice's input alone: activations, or figures with zeros; words are the batch's, kept anyway."""
        numbers = part.joins * (FIGURES + 1) if part.joins else self.hidden
        return 0 if part.opens else self.positions // slices * numbers * self.element_bytes

    def memory(self, part: Slice, saved_bytes: int) -> MemoryBytes:
        """Computed bytes of a device that keeps so much for its backwards; SGD has no state."""
        parameters = self.parameters(part) * self.element_bytes
        return MemoryBytes(parameters, parameters, 0, saved_bytes)

    def text(self, part: Slice) -> str:
        """Such as ``embedding + blocks 0-1``."""
        if part.rows is not None:
            return shard_text(part.rows)
        if part.joins:
            return LOSS_TEXT
        blocks = f"block {part.first}" if part.layers == 1 else f"blocks {part.first}-{part.end - 1}"
        parts = ["embedding"] * part.opens + [blocks] * (part.layers > 0) + ["projection"] * part.closes
        return " + ".join(parts)

    def where(self, names: Sequence[str]) -> str:
        """The part that has the parameters of these names."""
        blocks = [int(name.split(".")[1]) for name in names if name.startswith("blocks.")]
        blocks += [self.layers - 1 for name in names if name.startswith("norm.")]
        opens = any(name.startswith(("embedding", "positions")) for name in names)
        closes = any(name.startswith("projection") for name in names)
        return self.text(Slice(min(blocks, default=0), max(blocks, default=-1) + 1, opens, closes))

    def edge(self, part: Slice, microbatches: int, chunks: int) -> Edge:
        """Activations [B, T, H] of a slice, or a shard's figures of its words."""
        length, sequences = self.sequence_length // chunks, self.batch // microbatches
        if part.rows is not None:
            return figures_edge(length * sequences, self.dtype)
        return Edge((TensorSpec((sequences, length, self.hidden), self.dtype, gradient=True),))
