"""The user's own layers on paper: what the process that described them measured. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from pipebench.models.edges import Edge
from pipebench.models.outline import FormKind, MemoryBytes, Row, Slice, even_shares
from pipebench.models.own.description import Description, OwnLayer


@dataclass(frozen=True, slots=True)
class OwnOutline:
    """A description, asked as any other model."""

    described: Description

    forms: ClassVar[Sequence[FormKind]] = ("chain", "chain-microbatches")
    bytes_are: ClassVar[str] = "measured on a slice"
    tells_speed: ClassVar[bool] = False
    segments: ClassVar[int] = 1
    clips: ClassVar[bool] = False
    heavier: ClassVar[None] = None
    head_rows: ClassVar[None] = None
    head_parameters: ClassVar[Sequence[str]] = ()

    @property
    def row(self) -> Row:
        """The user's layers; every device holds one."""
        return Row(len(self.described.layers))

    @property
    def batch(self) -> int:
        """Entries along the batch dimension."""
        return self.described.batch

    @property
    def time(self) -> int | None:
        """Entries along the time dimension, if the model has one."""
        return self.described.time_length

    @property
    def positions(self) -> int:
        """Batch x time."""
        return self.batch * (self.time or 1)

    def text(self, part: Slice) -> str:
        """Such as ``0 Linear + 1-3 Block``."""
        numbered = enumerate(self._layers(part), start=part.first)
        groups = (
            (name, [number for number, _ in group])
            for name, group in groupby(numbered, lambda pair: pair[1].name)
        )
        return " + ".join(
            f"{numbers[0]} {name}" if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]} {name}"
            for name, numbers in groups
        )

    def where(self, names: Sequence[str]) -> str:
        """The layers that have the parameters of these names, which begin with the layer's number."""
        numbers = sorted({int(name.partition(".")[0]) for name in names})
        return self.text(Slice(numbers[0], numbers[-1] + 1, opens=False, closes=False)) if numbers else ""

    def parameters(self, part: Slice) -> int:
        """As each layer was described."""
        return sum(layer.parameters for layer in self._layers(part))

    def step_flops(self, part: Slice) -> None:
        """Nobody counts what the user's layers compute."""

    def step_s(self, part: Slice, flops_per_s: float) -> float:  # noqa: ARG002 - it was measured
        """Seconds of one training step on a part, as one slice of the batch took when it was described."""
        slices = self.described.microbatches * self.described.chunks
        return slices * sum(layer.slice_s for layer in self._layers(part))

    def memory(self, part: Slice, saved_bytes: int) -> MemoryBytes:
        """Bytes of a device that keeps so much for its backwards."""
        layers = self._layers(part)
        return MemoryBytes(
            sum(layer.parameters_bytes for layer in layers),
            sum(layer.gradients_bytes for layer in layers),
            sum(layer.optimizer_bytes for layer in layers),
            saved_bytes,
        )

    def saved_bytes(self, part: Slice, slices: int) -> int:
        """What a part keeps for the backward of one slice, in proportion to the slice that was measured."""
        measured = self.described.microbatches * self.described.chunks
        kept = sum(layer.saved_bytes for layer in self._layers(part)) + self.input_bytes(part, measured)
        return kept * measured // slices

    def past_bytes(self, part: Slice, slices: int) -> int:  # noqa: ARG002 - the protocol's signature
        """None: the most that a chunk saves was measured."""
        return 0

    def split_bytes(self, part: Slice, microbatches: int) -> None:
        """It has no split cell of its own."""

    def split_weight_bytes(self, part: Slice) -> int:  # noqa: ARG002 - the protocol's signature
        """No bytes: it has no split cell of its own."""
        return 0

    def chunk_shares(self, part: Slice, chunks: int) -> list[float]:  # noqa: ARG002 - the protocol's signature
        """All alike: how they differ nobody knows."""
        return even_shares(chunks)

    def input_bytes(self, part: Slice, slices: int) -> int:
        """Bytes of a slice's input, in proportion; those of the batch are kept anyway."""
        if part.first == 0 or not part.layers:
            return 0
        measured = self.described.microbatches * self.described.chunks
        return self.described.layers[part.first - 1].output.forward_bytes * measured // slices

    def edge(self, part: Slice, microbatches: int, chunks: int) -> Edge:
        """What the last layer of a part gives, for slices as they were measured."""
        layer = self.described.layers[part.end - 1]
        if (microbatches, chunks) == (self.described.microbatches, self.described.chunks):
            return layer.output
        assert (microbatches, chunks) == (1, 1)
        assert layer.whole_output is not None
        return layer.whole_output

    def _layers(self, part: Slice) -> Sequence[OwnLayer]:
        return self.described.layers[part.first : part.end]
