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
    """Which of the fixed batches a step takes, on both sides of a pair: they come in turn."""
    return step % BATCHES


class Row(NamedTuple):
    """What a partition cuts: so many layers, and what of the model a device may hold without any."""

    layers: int
    noun: str = "layers"
    option: str = ""  # that gives it more of them
    head: str = ""  # what may stand alone on the last device; empty: nothing


class Rows(NamedTuple):
    """Some of the head's outputs: words ``first`` up to (not including) ``end`` of a vocabulary."""

    first: int
    end: int

    @property
    def number(self) -> int:
        """How many there are."""
        return self.end - self.first


class Slice(NamedTuple):
    """A contiguous part of the model: layers ``first`` up to (not including) ``end``, and what stands at its ends.

    Where devices share the head, a shard has ``rows`` of it and nothing else, and what closes the model joins the
    figures of so many shards to the loss.
    """

    first: int
    end: int
    opens: bool  # it begins the model
    closes: bool  # it ends it, and has the loss
    rows: Rows | None = None
    joins: int = 0

    @property
    def layers(self) -> int:
        """How many of those that the partition counts."""
        return self.end - self.first


class MemoryBytes(NamedTuple):
    """Bytes of one device."""

    parameters: int
    gradients: int
    optimizer_state: int
    saved_tensors: int

    @property
    def total(self) -> int:
        """All four together."""
        return sum(self)


class Doubt(msgspec.Struct, frozen=True):
    """What a reader must know of the input, with its cause and the next step."""

    code: WarningCode
    cause: str
    next_step: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run's batches are from, and what they count.

    ``unit`` is what is counted, ``items`` how many of them each of the fixed batches has, in turn. ``tokens``,
    ``vocabulary`` and ``unknown_share`` are of text. Of a file ``bytes_read`` were read, which the hash is of;
    ``whole``: it has no more. ``pairs`` is how many pairs of sentences could be used, ``origin`` says in words where
    they are from.
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
        """The mean of so many timed steps."""
        return sum(self.items[batch_of(step) % len(self.items)] for step in range(steps)) / steps


class Outline(Protocol):
    """One model with its sizes. Slices of the batch are the same size, so one figure holds for each of them."""

    @property
    def row(self) -> Row:
        """What the partition cuts."""

    @property
    def forms(self) -> Sequence[FormKind]:
        """The single-device forms that enter the race."""

    @property
    def batch(self) -> int:
        """What microbatches cut."""

    @property
    def time(self) -> int | None:
        """What chunks cut; ``None`` where nothing is."""

    @property
    def segments(self) -> int:
        """Of time, each cut into chunks by itself; the head exists in the last one alone."""

    @property
    def clips(self) -> bool:
        """Whether the norm of all gradients is computed before the update."""

    @property
    def tells_speed(self) -> bool:
        """Whether a card's speed on its operations is known; machine presets tell it of LSTMs."""

    @property
    def positions(self) -> int:
        """What a gradient of one step is added up over: batch x time, padding included."""

    def text(self, part: Slice) -> str:
        """A part in words, such as ``embedding + LSTM 0-1``."""

    def where(self, names: Sequence[str]) -> str:
        """The part that has the parameters of these names, in words."""

    def step_flops(self, part: Slice) -> float | None:
        """Operations of one training step on a part, where they are known."""

    def step_s(self, part: Slice, flops_per_s: float) -> float:
        """Assumed seconds of one training step on a part, at this speed where operations are known."""

    def parameters(self, part: Slice) -> int:
        """Numbers in a part's parameters."""

    def memory(self, part: Slice, saved_bytes: int) -> MemoryBytes:
        """Bytes of a device that keeps so much for its backwards."""

    def saved_bytes(self, part: Slice, slices: int) -> int:
        """What a part keeps for the backward of one of ``slices`` equal slices."""

    def past_bytes(self, part: Slice, slices: int) -> int:
        """What a slice keeps more for each chunk of its microbatch that came before it."""

    def split_bytes(self, part: Slice, microbatches: int) -> int | None:
        """What a part keeps of a microbatch with a split cell of its own, from its first F to its last W.

        ``None`` where it has none: it keeps what each slice of a fused one does.
        """

    def chunk_shares(self, part: Slice, chunks: int) -> Sequence[float]:
        """What each chunk of a segment has of a part's work there; they add up to 1."""

    def input_bytes(self, part: Slice, slices: int) -> int:
        """Bytes of a slice's input alone; those of the batch are kept anyway."""

    @property
    def head_rows(self) -> int | None:
        """How many outputs the head has, that devices can share; ``None``: they cannot."""

    @property
    def head_parameters(self) -> Sequence[str]:
        """The names of its parameters, which have a row for each output."""

    def edge(self, part: Slice, microbatches: int, chunks: int) -> Edge:
        """What a part gives to each one that it feeds, for one slice, the longest where they differ."""

    @property
    def bytes_are(self) -> str:
        """Where its bytes are from: ``computed``, or measured on what."""

    @property
    def heavier(self) -> str | None:
        """The option that makes work grow faster than messages, such as ``a larger --hidden``."""


def telling_flops(outline: Outline) -> float | None:
    """Operations of a step by which a host can be held against a card, where the model has such."""
    return outline.step_flops(whole(outline)) if outline.tells_speed else None


def even_shares(chunks: int) -> list[float]:
    """Of chunks that are all alike."""
    return [1 / chunks] * chunks


def whole(outline: Outline) -> Slice:
    """All of the model as one part."""
    return Slice(0, outline.row.layers, opens=True, closes=True)


def whole_memory(outline: Outline) -> MemoryBytes:
    """Bytes of one device that trains the whole model on the whole batch."""
    return outline.memory(whole(outline), outline.saved_bytes(whole(outline), 1))
