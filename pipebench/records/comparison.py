"""The record of a comparison, as ``compare``, ``check`` and ``ab`` print it. Schema version 1, as ``schema``.

``metrics`` are those of the second record against the first; further records are in ``others``. ``overall`` is the
worst of all.
Changes are relative to the reference: -0.05 is 5 % less. They come from the launches' raw samples, never from
stored summaries.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from pipebench.records.command import CommandSide
from pipebench.records.schema import (
    AtLeastOne,
    Count,
    Name,
    NotNegative,
    Positive,
    Schema,
    Stored,
    WarningRecord,
)
from pipebench.records.terms import Terms, Unit, in_common
from pipebench.records.trace import TraceSide

Verdict = Literal["improvement", "same", "regression", "inconclusive", "incomparable", "missing"]
MetricName = Name
"""One of ``comparison.metrics``, or a command's own: the key that it prints."""
Probability = Annotated[float, Meta(ge=0, le=1)]


class Side(Stored, frozen=True, kw_only=True):
    """One of the records compared; ``label`` is A for the reference, then B, C and so on.

    ``unit`` is what its throughput counts; its speed-up is one over ``baseline_devices``. Of a command there is
    ``command``, of a run that another program measured ``trace``, and nothing of what only a run has. ``text``: what
    ``ab`` or ``guard`` was asked to make of it, such as its ref.
    """

    label: Name
    id: Name
    path: str
    created: str
    status: str
    launches: Count
    device: str | None
    devices: AtLeastOne | None
    clock: Literal["wall", "virtual"] | None
    machine: str | None
    schedule: str | None
    microbatches: AtLeastOne | None
    chunks: AtLeastOne | None
    unit: Unit = "words"
    baseline_devices: AtLeastOne = 1
    model: str | None = None  # of the user's own
    softmax_devices: AtLeastOne | Literal["all"] | None = None
    command: CommandSide | UnsetType = UNSET
    trace: TraceSide | UnsetType = UNSET
    text: str | UnsetType = UNSET

    @property
    def terms(self) -> Terms:
        """The terms in which its figures are told."""
        better = self.command.metric.better if self.command else None
        return Terms(self.unit, self.baseline_devices, better)


class Difference(Stored, frozen=True):
    """A field in which the two records differ, its values as text."""

    field: Name
    reference: str | None
    candidate: str | None


class MetricComparison(Stored, frozen=True, kw_only=True):
    """One metric of the candidate against the reference's.

    ``change`` is the ratio of the geometric means over launches, minus 1, with its 95 % interval (a wider one where
    there are ``looks``). ``p_value`` is Welch's, ``adjusted_p_value`` Holm's over the gated metrics, ``rank_p_value``
    the exact Mann-Whitney test's: a second opinion that no verdict hangs on. ``detectable`` is the smallest worsening
    that this noise and these launches find 95 times in 100. ``reason``: why it is inconclusive, or which fields make it
    incomparable. ``parts``: of a ratio, the metrics that it is made of; ``explanation`` says which of them moved, where
    there is something to explain.
    """

    verdict: Verdict
    reason: str | None
    note: str | None
    change: float | None
    low: float | None
    high: float | None
    threshold: Positive
    gated: bool
    reference: float | None
    candidate: float | None
    launches: list[Count]
    p_value: Probability | None
    adjusted_p_value: Probability | None
    rank_p_value: Probability | None
    detectable: NotNegative | None
    parts: list[MetricName] = field(default_factory=list)
    explanation: str | None = None


class Overall(Stored, frozen=True):
    """The worst of the gated metrics' verdicts, and the metrics that have it."""

    verdict: Verdict
    metrics: list[MetricName]


class CandidateComparison(Stored, frozen=True, kw_only=True):
    """A candidate against the reference.

    ``mismatches`` are hard fields that differ, ``allowed`` those that the user let pass, ``drift`` fields that may
    differ but should be known.
    """

    candidate: Side
    metrics: dict[MetricName, MetricComparison]
    overall: Overall
    mismatches: list[Difference]
    allowed: list[Difference]
    drift: list[Difference]
    warnings: list[WarningRecord]


class GateOutcome(Stored, frozen=True):
    """What ``check`` makes of it."""

    exit_code: Count
    allow_inconclusive: bool


class Looks(Stored, frozen=True):
    """How often a comparison was looked at while it was measured, how often at most, and the level of each look.

    The levels of all planned looks sum to 0.05; intervals have the confidence 1 - level.
    """

    taken: AtLeastOne
    planned: AtLeastOne
    level: Probability


class ComparisonRecord(Stored, frozen=True, kw_only=True):
    """What ``compare --json``, ``check --json`` and ``ab --json`` print."""

    schema: Schema = Schema()
    kind: Literal["comparison"] = "comparison"
    by: Literal["schedule", "gpus"] | None
    reference: Side
    candidate: Side
    metrics: dict[MetricName, MetricComparison]
    overall: Overall
    mismatches: list[Difference]
    allowed: list[Difference]
    drift: list[Difference]
    warnings: list[WarningRecord]
    others: list[CandidateComparison]
    gate: GateOutcome | None = None
    looks: Looks | None = None

    @property
    def terms(self) -> Terms:
        """The terms in which the figures of all sides can be told together."""
        return in_common([side.terms for side in self.sides])

    @property
    def sides(self) -> list[Side]:
        """The reference, then every candidate in the order they were named."""
        return [self.reference, self.candidate, *(each.candidate for each in self.others)]
