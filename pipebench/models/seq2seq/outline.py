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

from pipebench.models.edges import DTYPE_BYTES, Edge, TensorSpec
from pipebench.models.outline import FormKind, MemoryBytes, Row, Slice, even_shares
from pipebench.models.shards import FIGURES, LOSS_TEXT, figures_edge, shard_text

SEGMENTS = ENCODER, DECODER = 0, 1
_TRAINING = 3  # a forward and a backward twice as expensive
_FLOAT64 = 2.0  # times the seconds of float32
_LAYER_NUMBERS = 8  # that an LSTM layer keeps of a position, for each of its cells

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
class Seq2SeqOutline:
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
    bytes_are: ClassVar[str] = "computed"
    tells_speed: ClassVar[bool] = True
    heavier: ClassVar[str] = "a larger --hidden"
    head_parameters: ClassVar[Sequence[str]] = ("projection.weight", "projection.bias")
    segments: ClassVar[int] = len(SEGMENTS)

    @property
    def row(self) -> Row:
        """Pairs of layers; the projection may stand alone."""
        return Row(self.layers, "pairs of layers", "--layers", "projection")

    @property
    def element_bytes(self) -> int:
        """Bytes of one number."""
        return DTYPE_BYTES[self.dtype]

    @property
    def positions(self) -> int:
        """Of encoder and decoder together, padding included."""
        return len(SEGMENTS) * self.batch * self.sequence_length

    @property
    def time(self) -> int:
        """Steps of encoder and decoder each, which chunks cut."""
        return self.sequence_length

    @property
    def head_rows(self) -> int:
        """The target's vocabulary."""
        return self.vocab

    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters; an LSTM layer has two bias vectors, as torch has it."""
        lstm = 4 * self.hidden * (2 * self.hidden) + 2 * 4 * self.hidden
        embeddings = part.opens * (self.source_vocab + self.vocab) * self.hidden
        return 2 * part.layers * lstm + embeddings + self._words(part) * (self.hidden + 1)

    def _words(self, part: Slice) -> int:
        """Of the target's vocabulary, that a part has in its projection."""
        if part.rows is not None:
            return part.rows.number
        return self.vocab if part.closes and not part.joins else 0

    def step_flops(self, part: Slice) -> float:
        """Operations of one training step on a part; looking up an embedding costs none."""
        nominal = float(self.batch * self.sequence_length)
        source, target = self.positions_read or (nominal, nominal)
        layers = part.layers * 8 * self.hidden**2 * (source + target)
        return _TRAINING * 2 * (layers + self.hidden * self._words(part) * target)

    def step_s(self, part: Slice, flops_per_s: float) -> float:
        """Assumed seconds of one training step on a part."""
        return (_FLOAT64 if self.dtype == "float64" else 1.0) * self.step_flops(part) / flops_per_s

    def saved_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes that a part keeps for the backward of one of ``slices`` equal slices of the segments it lives in."""
        each = self.batch * self.sequence_length
        if part.rows is not None:
            numbers = self.hidden + part.rows.number
        elif part.joins:
            numbers = part.joins * (FIGURES + 2) + 1
        else:
            layers = 2 * part.layers * _LAYER_NUMBERS * self.hidden
            numbers = layers + part.closes * (self.hidden + 2 * self.vocab)
        return -(-each * numbers * self.element_bytes // slices)

    def past_bytes(self, part: Slice, slices: int = 1) -> int:  # noqa: ARG002 - the protocol's signature
        """None: what a chunk leaves to the next one does not grow."""
        return 0

    def split_bytes(self, part: Slice, microbatches: int) -> None:
        """It has no split cell of its own."""

    def chunk_shares(self, part: Slice, chunks: int) -> list[float]:  # noqa: ARG002 - the protocol's signature
        """All alike."""
        return even_shares(chunks)

    def input_bytes(self, part: Slice, slices: int = 1) -> int:
        """Bytes of a slice's input alone: activations, or figures with zeros; words are the batch's, kept anyway."""
        if part.opens:
            return 0
        numbers = part.joins * (FIGURES + 1) if part.joins else self.hidden
        segments = len(SEGMENTS) if part.layers else 1
        return -(-segments * self.batch * self.sequence_length * numbers * self.element_bytes // slices)

    def memory(self, part: Slice, saved_bytes: int) -> MemoryBytes:
        """Computed bytes of a device that keeps so much for its backwards; SGD has no state."""
        embeddings = part.opens * (self.source_vocab + self.vocab) * self.hidden
        rows = part.opens * self.positions * self.hidden  # a gradient has one for each position at most
        parameters = self.parameters(part)
        gradients = parameters - embeddings + rows
        return MemoryBytes(parameters * self.element_bytes, gradients * self.element_bytes, 0, saved_bytes)

    def text(self, part: Slice) -> str:
        """Such as ``embeddings + LSTM pairs 0-1``."""
        if part.rows is not None:
            return shard_text(part.rows)
        if part.joins:
            return LOSS_TEXT
        pairs = f"LSTM pair {part.first}" if part.layers == 1 else f"LSTM pairs {part.first}-{part.end - 1}"
        parts = ["embeddings"] * part.opens + [pairs] * (part.layers > 0) + ["projection"] * part.closes
        return " + ".join(parts)

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
