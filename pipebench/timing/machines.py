"""Machine presets: the speed of a card on LSTM training, and its link, with their sources.

A preset never takes a datasheet peak as its speed: the sustained speed is the peak times an efficiency. The only
efficiency with a source is fitted to a single published number: 1,700 words/s on one GPU (Sutskever, Vinyals, Le
2014). A word of that model costs 75 M multiply-adds in the forward (32 M in 4 LSTM layers of 1000 cells, 80 M in the
softmax for the 53 % of words that are targets). With the backward each is 6 operations, which makes 0.76 TFLOP/s. On a
K40 (4.29 TFLOP/s) that is an efficiency of 0.18. For the other cards 0.18 is assumed, and their source says so.
"""

from dataclasses import dataclass

from pipebench.errors import UsageError
from pipebench.timing.links import Link
from pipebench.timing.measured_link import MeasuredLink

LOCAL = "local"
LSTM_EFFICIENCY = 0.18  # the K40 fit to 1,700 words/s
_ASSUMED = "efficiency 0.18 assumed from the K40 fit"


@dataclass(frozen=True, slots=True)
class Machine:
    """A card and its link; ``source`` says where each number is from, and which numbers are assumed."""

    name: str
    card: str
    flops_per_s: float
    link: Link
    source: str

    def time_dilation(self, host_flops_per_s: float) -> float:
        """How many times slower this host is than the card, on the same work."""
        return self.flops_per_s / host_flops_per_s


MACHINES: dict[str, Machine] = {
    machine.name: machine
    for machine in (
        Machine(
            "2014",
            "one 2014 GPU at 1,700 words/s",
            0.762e12,
            Link(10e-6, 10.0e9),
            "speed fitted to 1,700 words/s (Sutskever et al. 2014); the paper names no GPU: "
            "PCIe 3.0 x16 at 10.0 GB/s and 10 us are assumed",
        ),
        Machine(
            "k40-pcie3",
            "NVIDIA K40",
            4.29e12 * LSTM_EFFICIENCY,
            Link(10e-6, 10.0e9),
            "peak 4.29 TFLOP/s fp32 (datasheet), efficiency 0.18 fitted to 1,700 words/s; "
            "PCIe 3.0 x16, 10.0 GB/s measured; 10 us assumed",
        ),
        Machine(
            "a100-nvlink",
            "NVIDIA A100 SXM",
            19.5e12 * LSTM_EFFICIENCY,
            Link(10e-6, 0.65 * 300e9),
            f"peak 19.5 TFLOP/s fp32 (datasheet), {_ASSUMED}; NVLink 300 GB/s x 0.65, 10 us (Calculon's model)",
        ),
        Machine(
            "h100-nvlink4",
            "NVIDIA H100 SXM",
            66.9e12 * LSTM_EFFICIENCY,
            Link(10e-6, 0.65 * 450e9),
            f"peak 66.9 TFLOP/s fp32 (datasheet), {_ASSUMED}; NVLink4 450 GB/s x 0.65, 10 us (Calculon's model)",
        ),
    )
}


MACHINE_NAMES = (*MACHINES, LOCAL)


def check_machine(name: str) -> str:
    """The name of a machine that can be emulated.

    Raises:
        UsageError: There is no such machine; the text lists all names.
    """
    if name not in MACHINE_NAMES:
        raise UsageError(f"unknown machine {name!r}: expected one of {', '.join(MACHINE_NAMES)}")
    return name


def machine_for(
    name: str, *, host_flops_per_s: float, measured: MeasuredLink | None, message_bytes: int
) -> Machine:
    """A preset, or this machine: its own speed, and its link as measured for messages of this size.

    Args:
        name: a name that ``check_machine`` accepts.
        host_flops_per_s: this host's measured speed on the work.
        measured: this host's link; ``local`` needs it, presets do not.
        message_bytes: the size of every message of the run.
    """
    if name != LOCAL:
        return MACHINES[name]
    assert measured is not None, "the local machine's link is measured first"
    return Machine(
        LOCAL,
        "this host",
        host_flops_per_s,
        measured.at(message_bytes),
        f"speed measured in this run; link measured {measured.created[:10]} between 2 processes "
        f"on {'2 cores' if measured.cores == 2 else 'one core'}, {measured.backend}, "
        f"for messages of {message_bytes} bytes",
    )
