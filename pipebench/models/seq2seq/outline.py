"""The encoder-decoder LSTM in numbers: parameters, operations and bytes, without running it. Pure.

    source words, reversed -> embedding -> L x LSTM                                         encoder
                                             | last h and c of each layer
    target words           -> embedding -> L x LSTM -> projection -> cross-entropy          decoder

Layer l of the encoder and layer l of the decoder are a pair, which the partition counts: they stand on one device.
Operations and bytes are those of the stacked LSTM's parts. Embeddings have gradients of the rows that occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pipebench.models.edges import Edge, TensorSpec
from pipebench.models.outline import FormKind, MemoryBytes, Row, Slice
from pipebench.models.shards import figures_edge
from pipebench.models.stacked_lstm.outline import LAYER_NUMBERS
from pipebench.models.word_outline import TRAINING, WordOutline

SEGMENTS = ENCODER, DECODER = 0, 1

# layers of each, cells, source and target words, batch, steps of each: the second one is the paper's
PRESETS = {
    name: dict(
        zip(("layers", "hidden", "source_vocab", "vocab", "batch", "sequence_length"), sizes, strict=True)
    )
    for name, sizes in (
        ("seq2seq-2014-small", (4, 256, 40_960, 20_480, 128, 24)),
        ("seq2seq-tiny", (4, 32, 200, 150, 32, 12)),
        ("seq2seq-2014", (4, 1000, 160_000, 80_000, 128, 28)),
    )
}


@dataclass(frozen=True, slots=True)
class Seq2SeqOutline(WordOutline):
    """Sizes of the model, and of one step's batch of ``batch`` pairs of sentences, of ``sequence_length`` steps each.

    ``positions_read`` is how many positions of the first batch are computed in encoder (where padding is not) and
    decoder (where it is, up to the longest sentence); ``None`` before it was read: as many as there can be.
    """

    layers: int
    hidden: int
    source_vocab: int
    vocab: int
    batch: int
    sequence_length: int
    dtype: str = "float32"
    onednn: bool = False  # whether the projection's products are oneDNN's, see projection.py
    clips: bool = True
    positions_read: tuple[float, float] | None = None

    forms: ClassVar[Sequence[FormKind]] = ("chain", "chain-microbatches")
    tells_speed: ClassVar[bool] = True
    segments: ClassVar[int] = len(SEGMENTS)
    embedding: ClassVar[str] = "embeddings"
    one_layer: ClassVar[str] = "LSTM pair"
    several_layers: ClassVar[str] = "LSTM pairs"

    @property
    def row(self) -> Row:
        """Pairs of layers; the projection may stand alone."""
        return Row(self.layers, "pairs of layers", "--layers", "projection")

    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters; an LSTM layer has two bias vectors, as torch has it."""
        lstm = 4 * self.hidden * (2 * self.hidden) + 2 * 4 * self.hidden
        embeddings = part.opens * (self.source_vocab + self.vocab) * self.hidden
        return 2 * part.layers * lstm + embeddings + self.words(part) * (self.hidden + 1)

    def step_flops(self, part: Slice) -> float:
        """Operations of one training step on a part; looking up an embedding costs none."""
        nominal = float(self.batch * self.sequence_length)
        source, target = self.positions_read or (nominal, nominal)
        layers = part.layers * 8 * self.hidden**2 * (source + target)
        return TRAINING * 2 * (layers + self.hidden * self.words(part) * target)

    def layer_numbers(self, part: Slice) -> int:
        """For a position of encoder and decoder each, a pair keeps what two layers of the stacked LSTM keep for one."""
        return 2 * part.layers * LAYER_NUMBERS * self.hidden

    def slice_bytes(self, numbers: int, slices: int) -> int:
        """See ``WordOutline``; in proportion and rounded up, since chunks need not divide the time evenly."""
        return -(-self.batch * self.sequence_length * numbers * self.element_bytes // slices)

    def memory(self, part: Slice, saved_bytes: int) -> MemoryBytes:
        """Computed bytes of a device that keeps so much for its backwards; SGD has no state."""
        embeddings = part.opens * (self.source_vocab + self.vocab) * self.hidden
        rows = part.opens * self.positions * self.hidden  # a gradient has one for each position at most
        parameters = self.parameters(part)
        gradients = parameters - embeddings + rows
        return MemoryBytes(parameters * self.element_bytes, gradients * self.element_bytes, 0, saved_bytes)

    def where(self, names: Sequence[str]) -> str:
        """The part that has the parameters of these names."""
        pairs = [int(name.split(".")[1]) for name in names if name.startswith(("encoder.", "decoder."))]
        opens = any(name.split(".")[0].endswith("embedding") for name in names)
        closes = any(name.startswith("projection") for name in names)
        return self.text(Slice(min(pairs, default=0), max(pairs, default=-1) + 1, opens, closes))

    def edge(self, part: Slice, microbatches: int, chunks: int) -> Edge:
        """Activations [T, B, H] of the longest slice, or a shard's figures of its words."""
        steps, sequences = -(-self.sequence_length // chunks), self.batch // microbatches
        if part.rows is not None:
            return figures_edge(steps * sequences, self.dtype, steps=steps)
        activations = TensorSpec((steps, sequences, self.hidden), self.dtype, gradient=True, axis=0)
        return Edge((activations,), steps=steps)
