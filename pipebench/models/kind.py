"""What a model must provide: its outline on paper, its batches, and its network in a process. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, cast

import msgspec

from pipebench.models.outline import Outline, Source
from pipebench.models.own.description import Description
from pipebench.models.pairs.data import PairData
from pipebench.models.text.asked import TextAsked, TokenRule
from pipebench.models.text.data import Data, load
from pipebench.plan.device_kind import DeviceKind

if TYPE_CHECKING:
    from pipebench.models.network import Network


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a run's configuration that its model needs.

    Sizes that the model does not have are ``None``. ``found`` says which choices the first launch found to be best
    here, by name; before that it is ``None``. ``described`` describes the user's own layers. ``clipping`` is the most
    that the norm of all gradients may be. ``positions_read`` is how many positions of the first batch are computed, by
    segment of time. ``device`` is ``None`` until it is settled which device the run uses.
    """

    model: str
    layers: int
    hidden: int | None
    vocab: int | None
    batch: int
    sequence_length: int | None
    dtype: str
    microbatches: int
    chunks: int
    text: str | None
    tokens: TokenRule
    synthetic: bool
    seed: int
    device: DeviceKind | None
    learning_rate: float = 0.1
    found: dict[str, bool] | None = None
    described: Description | None = None
    source_vocab: int | None = None
    heads: int | None = None
    source: str | None = None
    target: str | None = None
    pairs: str | None = None
    bucket: bool | None = None
    clipping: float | None = None
    positions_read: tuple[float, float] | None = None


class Given(NamedTuple):
    """Where the batches come from, and the data that launches need for them, if any.

    ``positions`` is how many positions of the first batch are computed, by segment of time; ``None`` if that does not
    depend on the input.
    """

    source: Source
    data: Data | PairData | None
    positions: tuple[float, float] | None = None

    def lengths(self, microbatches: int) -> list[int] | None:
        """Words of each microbatch's longest sentence, in all batches, on both sides; ``None`` without sentences."""
        if not isinstance(self.data, PairData):
            return None
        found = []
        for batch in self.data.batches:
            for side in (batch.source, batch.target):
                size = len(side.lengths) // microbatches
                found += [max(side.lengths[n : n + size]) for n in range(0, size * microbatches, size)]
        return found


def given_words(asked: Asked) -> Given:
    """A text that is read, or words that are drawn.

    Raises:
        UsageError: The text is missing or not what it should be.
    """
    wanted = cast("TextAsked", asked)
    data = load(wanted)
    return Given(data.source(wanted), data)


class ModelKind(Protocol):
    """A model as the registry knows it."""

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, int]]]  # sizes by option; the first one is the default
    options: ClassVar[tuple[str, ...]]  # those of ``run`` that only some models take: sizes and input
    learning_rate: ClassVar[float]  # of SGD
    clipping: ClassVar[float | None]  # the most that the norm of all gradients may be
    even_chunks: ClassVar[bool]  # chunks must divide the time axis
    past_grows: ClassVar[bool]  # a later chunk may have more to do than an earlier one
    segments: ClassVar[int]  # how many time has

    def outline(self, asked: Asked) -> Outline:
        """The model on paper."""

    def given(self, asked: Asked) -> Given:
        """Read the input."""

    def network(self, asked: Asked, data: Data | PairData | None) -> "Network":
        """The model in this process. Imports torch."""
