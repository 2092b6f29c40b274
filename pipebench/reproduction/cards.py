"""Cards and buses that the machine of 2014 may have had, with their sources. The paper names none. Pure."""

from dataclasses import dataclass

from pipebench.timing.links import Link
from pipebench.timing.machines import MACHINES

_K40_PEAK_BYTES_PER_S = 288e9
_K40_BYTES_PER_S = 202.7e9
_MEASURED = "measured on a K40m with ECC on, by CUDA's bandwidthTest (Microway)"
_PCIE_3 = MACHINES["k40-pcie3"].link


@dataclass(frozen=True, slots=True)
class Card:
    """A card: its peak in float32, and what its memory sustains; ``source`` says where each figure is from."""

    name: str
    flops_per_s: float
    bytes_per_s: float
    source: str


@dataclass(frozen=True, slots=True)
class Bus:
    """The link between two cards, in one direction."""

    name: str
    link: Link
    source: str


@dataclass(frozen=True, slots=True)
class PaperMachine:
    """A machine whose devices are all of one card, with a bus."""

    card: Card
    bus: Bus

    @property
    def name(self) -> str:
        """The names of card and bus."""
        return f"{self.card.name}, {self.bus.name}"


K20C = Card(
    "K20c",
    3.52e12,
    208e9 * _K40_BYTES_PER_S / _K40_PEAK_BYTES_PER_S,
    "3.52 TFLOP/s and 208 GB/s by datasheet; that its memory sustains the share that a K40's does is assumed",
)
K40 = Card(
    "K40",
    4.29e12,
    _K40_BYTES_PER_S,
    f"4.29 TFLOP/s by datasheet; of 288 GB/s 202.7 {_MEASURED}",
)
PCIE_2 = Bus(
    "PCIe 2.0 x16",
    Link(_PCIE_3.latency_s, 6e9),
    "of 8 GB/s 6 are assumed, as is usual; 10 us assumed",
)
PCIE_3 = Bus("PCIe 3.0 x16", _PCIE_3, f"10.0 GB/s {_MEASURED}; 10 us assumed")

USED = PaperMachine(K40, PCIE_3)  # as the preset k40-pcie3 has it
PLAUSIBLE = (PaperMachine(K20C, PCIE_2), PaperMachine(K40, PCIE_2), USED)  # a K20c has no PCIe 3.0
