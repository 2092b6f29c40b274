"""The record of the machine of 2014 on paper: what ``reproduce --simulate --json`` prints. Version 1: ``schema``."""

from typing import Annotated, Literal

from msgspec import Meta

from pipebench.records.figures import DeviceUsage
from pipebench.records.schema import AtLeastOne, Name, NotNegative, Positive, Schema, Stored

Share = Annotated[float, Meta(ge=0, le=1)]


class ClaimOnPaper(Stored, frozen=True):
    """A claim, and by how much the predicted ratio is above it; ``None`` for a layout that is not simulated."""

    reading: Literal["talk", "paper"]
    text: str
    source: str
    ratio: Positive
    residual: float | None


class MachineOnPaper(Stored, frozen=True, kw_only=True):
    """A card with a bus: the efficiency fitted to one GPU, and what is predicted of eight.

    ``card_flops_per_s`` is its peak; ``source`` says in words where the rates of memory and bus are from. Residuals are
    predictions minus the paper's figures.
    """

    name: Name
    card_flops_per_s: Positive
    memory_bytes_per_s: Positive
    link_bytes_per_s: Positive
    link_latency_s: NotNegative
    source: str
    used: bool
    efficiency: Positive
    one_gpu_words_per_s: Positive
    words_per_s: Positive
    ratio: Positive
    words_per_s_residual: float
    ratio_residual: float


class Step(Stored, frozen=True):
    """What is simulated: a batch of sentence pairs, and how it is cut. ``words`` is how many words of a pair count."""

    batch: AtLeastOne
    source_steps: AtLeastOne
    target_steps: AtLeastOne
    words: AtLeastOne
    microbatches: AtLeastOne
    steps_each: AtLeastOne
    chunks: AtLeastOne


class Loss(Stored, frozen=True):
    """One thing that is lost: a factor, and the ratio that is left."""

    text: str
    factor: Positive
    ratio: Positive


class Point(Stored, frozen=True):
    """The prediction with another value; ``value`` is null where it is no number."""

    label: str
    value: float | None
    used: bool
    one_gpu_words_per_s: Positive
    words_per_s: Positive
    ratio: Positive


class Sensitivity(Stored, frozen=True, kw_only=True):
    """How the prediction moves with one figure, named in short and in words.

    ``of`` says whether the paper states the figure or it is assumed. ``spread`` is the largest ratio over the smallest.
    ``meets`` is the value, plausible or not, at which a figure that is assumed and a number would by itself give the
    paper's ratio; null if there is none.
    """

    name: Name
    text: str
    of: Literal["assumption", "paper"]
    why: str
    points: Annotated[list[Point], Meta(min_length=2)]
    low: Positive
    high: Positive
    spread: Positive
    meets: Point | None = None


class OnPaper(Stored, frozen=True, kw_only=True):
    """The paper's layout and schedule, simulated; the only speed that was taken from the paper is that of one GPU.

    ``low`` and ``high``: the ratio with all assumptions at their worst and at their best together. ``losses`` lead from
    ``devices_used`` to ``ratio``, and ``unexplained`` from there to the paper's. ``softmax_rests`` is the share of the
    step before the softmax's devices first work and after their last.
    """

    schema: Schema = Schema()
    kind: Literal["on-paper"] = "on-paper"
    evidence: Literal["simulated"] = "simulated"
    claims: list[ClaimOnPaper]
    fitted_to_words_per_s: Positive
    claimed_words_per_s: Positive
    step: Step
    machine: Name
    efficiency: Positive
    words_per_s: Positive
    ratio: Positive
    low: Positive
    high: Positive
    machines: list[MachineOnPaper]
    devices_used: AtLeastOne
    losses: list[Loss]
    unexplained: Positive
    makespan_s: Positive
    devices: list[DeviceUsage]
    softmax_rests: Share
    sensitivities: list[Sensitivity]
    carried_by: str
    notes: list[str]
