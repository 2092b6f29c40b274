"""The Transformer in numbers: parameters, operations and bytes, without running it. Pure.

    tokens [B, T] -> embedding + positions -> L x block -> norm -> projection -> cross-entropy over the next words
    block: x + attention(norm(x)), then x + MLP(norm(x)), pre-norm (GPT-2), causal

The final norm goes with the last block. Of attention the operations that the mask lets through count. What it has in
common with other models of words, and how operations and bytes count: see ``models/word_outline.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipebench.models.edges import Edge, TensorSpec
from pipebench.models.outline import FormKind, Row, Slice, even_shares
from pipebench.models.shards import figures_edge
from pipebench.models.word_outline import TRAINING, WordOutline

EXPANSION = 4  # of the MLP, over the width
_BLOCK_WEIGHTS = 4 + 2 * EXPANSION  # width x width each: query, key, value, output, and the MLP's two
_NORM_NUMBERS = 2  # a weight and a bias for each of the width
_KEPT = 14  # times the width: what a block keeps of a position beside its key and value, see layer_numbers
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
class TransformerOutline(WordOutline):
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
    tells_speed: ClassVar[bool] = False
    clips: ClassVar[bool] = False
    one_layer: ClassVar[str] = "block"
    several_layers: ClassVar[str] = "blocks"

    @property
    def row(self) -> Row:
        """Blocks; the projection may stand alone."""
        return Row(self.layers, "blocks", "--layers", "projection")

    def has_final_norm(self, part: Slice) -> bool:
        """Whether the last block is in it."""
        return part.layers > 0 and part.end == self.layers

    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters; the linear layers of a block have no bias, norms and projection do."""
        norms = _NORM_NUMBERS * self.hidden
        blocks = part.layers * (_BLOCK_WEIGHTS * self.hidden**2 + 2 * norms)
        embeddings = part.opens * (self.vocab + self.sequence_length) * self.hidden
        return blocks + embeddings + self.has_final_norm(part) * norms + self.words(part) * (self.hidden + 1)

    def step_flops(self, part: Slice) -> int:
        """Operations of one training step on a part; looking up an embedding costs none."""
        return sum(self._chunk_flops(part, 0, self.sequence_length))

    def _chunk_flops(self, part: Slice, first: int, end: int) -> tuple[int, int]:
        """Operations of the words ``first`` up to (not including) ``end`` of all sequences: of products, of attention.

        A position attends to itself and to all before it, with two products of the width for each.
        """
        products = part.layers * _BLOCK_WEIGHTS * self.hidden**2 + self.hidden * self.words(part)
        attended = (first + 1 + end) * (end - first) // 2
        attention = part.layers * 2 * self.hidden * attended
        each = TRAINING * 2 * self.batch
        return each * products * (end - first), each * attention

    def chunk_shares(self, part: Slice, chunks: int) -> list[float]:
        """Of a part's work: the later a chunk, the more its words attend to."""
        steps = self.sequence_length // chunks
        flops = [sum(self._chunk_flops(part, n * steps, (n + 1) * steps)) for n in range(chunks)]
        return [each / sum(flops) for each in flops] if any(flops) else even_shares(chunks)

    def layer_numbers(self, part: Slice) -> int:
        """Numbers that blocks and final norm keep from forward to backward for one position of one sequence.

        A block keeps what its two norms were given and gave, with a mean and a deviation each (4 of the width and 4),
        the query, the key, the value and the output of attention (4, and a number for each head), and of the MLP what
        it computes before and after GELU (8). The final norm keeps its input. Masks, which all slices of a part share,
        are not counted, nor is the matrix of attention, which torch keeps on a GPU in float64 (it has no fused one).
        """
        norm = self.hidden + 2
        block = (_KEPT + _KEY_AND_VALUE) * self.hidden + 4 + self.heads
        copies = self.onednn_blocks * _COPIED * self.hidden
        return part.layers * (block + copies) + self.has_final_norm(part) * norm

    def past_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes of the keys and values of one chunk, which each later one keeps beside its own."""
        return self.slice_bytes(part.layers * _KEY_AND_VALUE * self.hidden, slices)

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
