"""The stacked LSTM in numbers: parameters, operations and bytes, without running it. Pure.

    tokens [T, B] -> embedding -> L x LSTM -> projection -> cross-entropy over the next words

Operations count multiply-adds of matrix products as 2, and a backward as twice its forward. Bytes are
computed, not measured, and are labelled so wherever they are shown.
"""

from dataclasses import dataclass
from typing import NamedTuple

DTYPE_BYTES = {"float32": 4, "float64": 8}
# Relative, of what computes the same in another order. Rounding grows with what is added up: on a CPU the default
# step's 4,096 positions are 2e-6 apart, 64,000 were 1.2e-5, 25,600 in a wavefront of 8 layers 2.6e-5. A GPU adds up
# large products in pieces: on an H100 talk8 in 4 slices was 1.1e-5 apart. In float64 such runs are 1e-15 apart.
_TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
_POSITIONS = 4096  # that this is for; more have more, in proportion
LARGEST_TOLERANCE = 1e-4  # a tensor that is wrong altogether shows down to a thousandth of this
_TRAINING = 3  # a forward and a backward twice as expensive


def gradient_tolerance(dtype: str, device: str, positions: int) -> float:
    """How far a gradient may be from the baseline's, relative.

    Args:
        dtype: that is computed in.
        device: ``cuda``, ``cpu`` or ``emulated``.
        positions: of one step's batch, padding included.
    """
    usual = _TOLERANCE[dtype]
    if dtype != "float32":
        return usual
    return (
        LARGEST_TOLERANCE
        if device == "cuda"
        else min(usual * max(positions / _POSITIONS, 1.0), LARGEST_TOLERANCE)
    )


class StageLayers(NamedTuple):
    """The slice of the model that one stage holds: LSTM layers ``first`` up to (not including) ``end``."""

    first: int
    end: int
    embedding: bool
    projection: bool

    @property
    def lstm_layers(self) -> int:
        """How many LSTM layers."""
        return self.end - self.first

    def text(self) -> str:
        """Such as ``embedding + LSTM 0-1``."""
        lstm = f"LSTM {self.first}" if self.lstm_layers == 1 else f"LSTM {self.first}-{self.end - 1}"
        parts = (
            ["embedding"] * self.embedding
            + [lstm] * (self.lstm_layers > 0)
            + ["projection"] * self.projection
        )
        return " + ".join(parts)


class MemoryBytes(NamedTuple):
    """Computed bytes of one device."""

    parameters: int
    gradients: int
    optimizer_state: int
    saved_tensors: int

    @property
    def total(self) -> int:
        """All four together."""
        return sum(self)


@dataclass(frozen=True, slots=True)
class Workload:
    """Sizes of the model and of one step's batch of ``batch`` sequences of ``sequence_length`` words."""

    layers: int
    hidden: int
    vocab: int
    batch: int
    sequence_length: int
    dtype: str = "float32"
    onednn: bool = (
        False  # whether the projection's products are oneDNN's, see models/stacked_lstm/projection.py
    )

    @property
    def element_bytes(self) -> int:
        """Bytes of one number."""
        return DTYPE_BYTES[self.dtype]

    @property
    def positions(self) -> int:
        """Words of one step, padding included."""
        return self.batch * self.sequence_length

    def parameters(self, stage: StageLayers) -> int:
        """Numbers in a stage's parameters; an LSTM layer has two bias vectors, as torch has it."""
        lstm = 4 * self.hidden * (2 * self.hidden) + 2 * 4 * self.hidden
        projection = self.hidden * self.vocab + self.vocab
        return (
            stage.lstm_layers * lstm
            + stage.embedding * self.vocab * self.hidden
            + stage.projection * projection
        )

    def step_flops(self, stage: StageLayers) -> int:
        """Operations of one training step on a stage; looking up an embedding costs none."""
        multiply_adds = stage.lstm_layers * 8 * self.hidden**2 + stage.projection * self.hidden * self.vocab
        return _TRAINING * 2 * multiply_adds * self.positions

    @property
    def whole(self) -> StageLayers:
        """All of the model as one stage."""
        return StageLayers(0, self.layers, embedding=True, projection=True)

    def activation_bytes(self, microbatches: int, chunks: int) -> int:
        """What one message carries: the activations (or their gradient) of a (microbatch, chunk)."""
        return self.positions // (microbatches * chunks) * self.hidden * self.element_bytes

    def saved_numbers(self, stage: StageLayers) -> int:
        """Numbers a stage keeps from forward to backward for one position of one sequence.

        An LSTM layer keeps its input, its output, and torch's workspace of 4 gates, the cell state and its
        tanh (6 in all); the projection keeps its input, its logits and their log-softmax.
        """
        lstm = 8 * self.hidden
        return stage.lstm_layers * lstm + stage.projection * (self.hidden + 2 * self.vocab)

    def saved_bytes(self, stage: StageLayers, slices: int = 1) -> int:
        """Bytes that a stage keeps for the backward of one of ``slices`` equal slices of the batch."""
        return self.positions // slices * self.saved_numbers(stage) * self.element_bytes

    def input_bytes(self, stage: StageLayers, slices: int = 1) -> int:
        """Bytes of a slice's input alone: activations; words are the batch's, and kept anyway."""
        return 0 if stage.embedding else self.activation_bytes(slices, 1)

    def memory(self, stage: StageLayers, saved_bytes: int) -> MemoryBytes:
        """Computed bytes of a device that keeps so much for its backwards; SGD has no state."""
        parameters = self.parameters(stage) * self.element_bytes
        return MemoryBytes(parameters, parameters, 0, saved_bytes)

    @property
    def whole_memory(self) -> MemoryBytes:
        """Computed bytes of one device that trains the whole model on the whole batch."""
        return self.memory(self.whole, self.saved_bytes(self.whole))
