"""What the paper does not say of its machine, and how it cuts a step. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from pipebench.models.seq2seq.outline import PRESETS
from pipebench.reproduction.cards import USED, PaperMachine
from pipebench.reproduction.claims import PAIRS, SOURCE_WORDS, TARGET_WORDS
from pipebench.timing.links import Link

PRESET = PRESETS["seq2seq-2014"]


class Lengths(NamedTuple):
    """Words of a sentence of either side; the target has ``marks`` steps more, for its end."""

    source: int
    target: int
    marks: int = 0

    @property
    def steps(self) -> tuple[int, int]:
        """The time steps of encoder and decoder."""
        return self.source, self.target + self.marks

    @property
    def words(self) -> int:
        """The words of a sentence pair, which words/s counts."""
        return self.source + self.target


CORPUS = Lengths(round(SOURCE_WORDS / PAIRS), round(TARGET_WORDS / PAIRS))


class Slicing(NamedTuple):
    """How a step is cut: sentences of a batch, microbatches, and time steps that go to the next device at once."""

    batch: int = PRESET["batch"]
    microbatches: int = 1
    steps_each: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """One machine of 2014 and its program.

    Args:
        machine: cards and bus.
        bandwidth: the bandwidth of the bus, as a multiple of what its source says.
        latency: its latency, likewise.
        copied_by_devices: whether a message keeps both its devices from computing while it is on its way.
        lengths: how long the sentences of a batch are.
        launch_s: what a card loses for each kernel.
        kernels: how many there are, as a multiple of the usual count.
        memory: whether work takes at least as long as its weights take through the card's memory.
        softmax: how efficient its products are, over those of the LSTM.
        pipelined: how efficient the products of the pipeline are, over those of the single GPU.
        all_rows: whether the update goes through all rows of the embeddings, or through those that occur.
        slicing: how the pipeline's step is cut.
    """

    machine: PaperMachine = USED
    bandwidth: float = 1.0
    latency: float = 1.0
    copied_by_devices: bool = False
    lengths: Lengths = CORPUS
    launch_s: float = 10e-6
    kernels: float = 1.0
    memory: bool = True
    softmax: float = 1.0
    pipelined: float = 1.0
    all_rows: bool = True
    slicing: Slicing = Slicing()  # noqa: RUF009 - a tuple never changes

    @property
    def link(self) -> Link:
        """The link between two cards."""
        link = self.machine.bus.link
        return Link(link.latency_s * self.latency, link.bytes_per_s * self.bandwidth)
