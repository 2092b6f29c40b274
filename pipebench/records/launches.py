"""The raw samples of a run, launch by launch."""

from typing import Literal

from msgspec import UNSET, UnsetType, field

from pipebench.records.schema import AtLeastOne, Count, Name, NotNegative, Positive, Stored


class Samples(Stored, frozen=True):
    """Raw step times of one launch, in the order measured."""

    step_s: list[Positive]


class PipelineSamples(Samples, frozen=True):
    """Step times with ``busy_s``, the time that all devices together worked in each; empty where it was not kept."""

    busy_s: list[NotNegative] = field(default_factory=list)


class Block(Stored, frozen=True):
    """A run of steps of one kind; ``start_s`` counts from the launch's first block."""

    kind: Literal["baseline", "pipeline"]
    start_s: NotNegative
    steps: AtLeastOne


class ClockRecord(Stored, frozen=True):
    """A host's clock beside that of rank 0's host.

    ``offset_s`` is what must be added to it, ``drift`` how that changes (seconds a second). ``uncertainty_s`` is how
    wrong the offset may be: half of the fastest round trip, in the worst step.
    """

    host: Name
    offset_s: float
    drift: float
    uncertainty_s: NotNegative


class Launch(Stored, frozen=True):
    """One fresh start of all processes; page faults and wall/CPU are over its timed steps.

    ``peaks_bytes`` is the most that each device's tensors took in a pipeline step, where that is measured. ``clocks``
    are those of all hosts but rank 0's, where there are several. ``other_library`` names the ranks whose split cells
    used another library for their products than the one that the run found, since that one did not work there.
    """

    baseline: Samples
    pipeline: PipelineSamples
    blocks: list[Block]
    page_faults: Count | None
    wall_per_cpu: Positive | None
    peaks_bytes: list[Count] | None = None
    clocks: list[ClockRecord] | UnsetType = UNSET  # not there in a run of one machine
    other_library: list[Count] | UnsetType = UNSET  # not there if there are none

    @property
    def host_clocks(self) -> list[ClockRecord]:
        """The clocks that there are."""
        return [] if isinstance(self.clocks, UnsetType) else self.clocks
