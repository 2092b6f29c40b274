"""The record of a reproduction: what was measured of the result of 2014, and verdicts. Version 1, see ``schema``."""

from typing import Annotated, Literal

from msgspec import Meta

from pipebench.records.on_paper import OnPaper
from pipebench.records.run import CompletedRun
from pipebench.records.schema import AtLeastOne, Failure, Name, Positive, Schema, Stored

Reading = Literal["talk", "paper"]
Evidence = Literal["measured", "emulated", "simulated"]
ClaimVerdict = Literal["reproduced", "exceeded", "not reproduced", "consistent", "inconsistent", "unclear"]


class Lost(Stored, frozen=True):
    """Where the rest went, as factors that lead from ``devices`` to the step's own speed-up; see ``diagnosis.factors``.

    ``busy_share`` is the share of all device time that is busy. ``busiest`` is the busiest device, and
    ``busiest_over_mean`` how many times the mean it is busy.
    """

    devices: AtLeastOne
    overlap: Positive
    unequal: Positive
    transfer: Positive
    work: Positive
    shared: Positive
    busy_share: Annotated[float, Meta(ge=0, le=1)]
    busiest: str
    busiest_over_mean: Positive


class VerdictOfClaim(Stored, frozen=True, kw_only=True):
    """A claim, one pipeline that stands for it, and how far the two agree.

    ``low`` and ``high`` are the speed-up's interval as it was measured, null where there is none. ``direction`` says on
    which side of the claim an inconsistent value lies. ``run`` is the number of the run among ``runs``.
    """

    claim: str
    source: str
    reading: Reading
    pipeline: str
    value: Positive
    low: Positive | None
    high: Positive | None
    claimed: Positive
    evidence: Evidence
    full_size: bool
    verdict: ClaimVerdict
    direction: Literal["above", "below"] | None = None
    words_per_s: Positive | None = None
    baseline_words_per_s: Positive | None = None
    claimed_words_per_s: Positive | None = None
    lost: Lost | None = None
    run: int | None = None


class ReproductionRecord(Stored, frozen=True, kw_only=True):
    """What ``reproduce`` stores and prints; ``runs`` are those behind the verdicts, their timelines without spans.

    ``on_paper`` is the machine of 2014 as it was simulated, with nothing measured.
    """

    schema: Schema = Schema()
    kind: Literal["reproduction"] = "reproduction"
    id: Name
    created: str
    status: Literal["completed", "aborted", "failed"]
    verdicts: list[VerdictOfClaim]
    runs: list[CompletedRun]
    on_paper: OnPaper | None = None
    budget_s: Positive | None = None
    took_s: Positive | None = None
    failure: Failure | None = None
