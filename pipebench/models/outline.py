"""A model on paper: what can be said of it without running it. Pure.

A model is a row of layers, which the partition counts. Something may stand before the first one and after the last:

    opening | layer 0 | layer 1 | ... | layer L-1 | head

Bytes are computed, or measured on a slice of the batch, and are labelled so wherever they are shown.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from pipebench.models.edges import Edge
from pipebench.warning_codes import WarningCode

BATCHES = 4  # fixed batches

FormKind = Literal["fused", "chain", "chain-microbatches", "naive"]


def batch_of(step: int) -> int:
    """The number of the fixed batch that a step takes: they come in turn, for baseline and pipeline alike."""
    return step % BATCHES


class Row(NamedTuple):
    """The layers that a partition cuts, and the words for them.

    ``noun`` names the layers. ``option`` gives the model more of them. ``head`` is what may stand alone on the last
    device; empty if nothing may.
    """

    layers: int
    noun: str = "layers"
    option: str = ""
    head: str = ""


class Rows(NamedTuple):
    """Some of the head's outputs: words ``first`` up to (not including) ``end`` of a vocabulary."""

    first: int
    end: int

    @property
    def number(self) -> int:
        """How many there are."""
        return self.end - self.first


class Slice(NamedTuple):
    """Consecutive layers of the model, ``first`` up to (not including) ``end``, and what stands at its ends.

    If devices share the head, a shard has ``rows`` of it and nothing else. The slice that closes the model then joins
    the figures of ``joins`` shards to the loss.
    """

    first: int
    end: int
    opens: bool  # it begins the model
    closes: bool  # it ends it, and has the loss
    rows: Rows | None = None
    joins: int = 0

    @property
    def layers(self) -> int:
        """How many layers it has, as the partition counts them."""
        return self.end - self.first


class MemoryBytes(NamedTuple):
    """Bytes of one device."""

    parameters: int
    gradients: int
    optimizer_state: int
    saved_tensors: int  # what waits for backwards; of split cells the copies of weights too

    @property
    def total(self) -> int:
        """All four together."""
        return sum(self)


class Doubt(msgspec.Struct, frozen=True):
    """A doubt about the input that a reader must know, with its cause and the next step."""

    code: WarningCode
    cause: str
    next_step: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run's batches come from, and what is counted in them.

    ``unit`` is what is counted, and ``items`` how many of it each of the fixed batches has. ``tokens``, ``vocabulary``
    and ``unknown_share`` are for text alone. ``bytes_read`` is how much of a file was read, and ``sha256`` the hash of
    that; ``whole`` says whether the file has no more. ``pairs`` is how many sentence pairs could be used, and
    ``origin`` says in words where they come from.
    """

    kind: str
    sha256: str
    unit: str
    items: tuple[float, ...]
    count_rule: str
    tokens: int | None = None
    vocabulary: int | None = None
    unknown_share: float | None = None
    bytes_read: int | None = None
    whole: bool | None = None
    pairs: int | None = None
    origin: str | None = None
    doubts: tuple[Doubt, ...] = ()

    def items_per_step(self, steps: int) -> float:
        """The mean number of items in a step, over so many timed steps."""
        return sum(self.items[batch_of(step) % len(self.items)] for step in range(steps)) / steps


class Outline(Protocol):
    """One model with its sizes. Slices of the batch have the same size, so one figure holds for all of them."""

    @property
    def row(self) -> Row:
        """What the partition cuts."""

    @property
    def forms(self) -> Sequence[FormKind]:
        """The single-device forms that enter the race."""

    @property
    def batch(self) -> int:
        """The size of a batch, which microbatches cut."""

    @property
    def time(self) -> int | None:
        """The length of the time axis, which chunks cut; ``None`` if there is no such axis."""

    @property
    def segments(self) -> int:
        """How many segments time has. Each is cut into chunks by itself, and the head exists in the last one alone."""

    @property
    def clips(self) -> bool:
        """Whether the norm of all gradients is computed before the update."""

    @property
    def tells_speed(self) -> bool:
        """Whether a card's speed on this model's operations is known; machine presets know it for LSTMs."""

    @property
    def positions(self) -> int:
        """How many positions a step's gradient is summed over: batch x time, padding included."""

    def text(self, part: Slice) -> str:
        """A part in words, such as ``embedding + LSTM 0-1``."""

    def where(self, names: Sequence[str]) -> str:
        """The part that has the parameters of these names, in words."""

    def step_flops(self, part: Slice) -> float | None:
        """Operations of one training step on a part, if they are known."""

    def step_s(self, part: Slice, flops_per_s: float) -> float:
        """Assumed seconds of one training step on a part, at this speed if its operations are known."""

    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters."""

    def memory(self, part: Slice, saved_bytes: int) -> MemoryBytes:
        """Bytes of a device that has this part and keeps ``saved_bytes`` for its backwards."""

    def saved_bytes(self, part: Slice, slices: int) -> int:
        """Bytes that a part keeps for one slice's backward, with the batch cut into ``slices`` equal slices."""

    def past_bytes(self, part: Slice, slices: int) -> int:
        """Further bytes that a slice keeps for each earlier chunk of its microbatch."""

    def split_bytes(self, part: Slice, microbatches: int) -> int | None:
        """Bytes that a part with a split cell of its own keeps for a microbatch, from its first F to its last W.

        ``None`` if it has no split cell: then it keeps ``saved_bytes`` for each slice.
        """

    def split_weight_bytes(self, part: Slice) -> int:
        """Bytes of the copies of weights, and of their gradients' running totals, that a split cell of its own keeps.

        They do not depend on the number of microbatches. It is 0 if the part has no such cell.
        """

    def chunk_shares(self, part: Slice, chunks: int) -> Sequence[float]:
        """The share that each chunk of a segment has of a part's work there; the shares add up to 1."""

    def input_bytes(self, part: Slice, slices: int) -> int:
        """Bytes of a slice's input alone; 0 for input that is the batch's own, which is kept anyway."""

    @property
    def head_rows(self) -> int | None:
        """How many outputs the head has, if devices can share it; ``None`` if they cannot."""

    @property
    def head_parameters(self) -> Sequence[str]:
        """The names of the head's parameters, which have a row for each output."""

    def edge(self, part: Slice, microbatches: int, chunks: int) -> Edge:
        """What a part gives for one slice to each part that it feeds; for the longest slice if they differ."""

    @property
    def bytes_are(self) -> str:
        """Where the bytes come from: ``computed``, or what they were measured on."""

    @property
    def heavier(self) -> str | None:
        """The option that makes work grow faster than messages, such as ``a larger --hidden``."""


def telling_flops(outline: Outline) -> float | None:
    """Operations of a step, by which a host can be compared with a card; ``None`` if the model cannot tell."""
    return outline.step_flops(whole(outline)) if outline.tells_speed else None


def even_shares(chunks: int) -> list[float]:
    """The shares of chunks that are all alike."""
    return [1 / chunks] * chunks


def whole(outline: Outline) -> Slice:
    """All of the model as one part."""
    return Slice(0, outline.row.layers, opens=True, closes=True)


def whole_memory(outline: Outline) -> MemoryBytes:
    """Bytes of one device that trains the whole model on the whole batch."""
    return outline.memory(whole(outline), outline.saved_bytes(whole(outline), 1))
