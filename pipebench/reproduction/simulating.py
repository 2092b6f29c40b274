"""The record of the machine of 2014 on paper, with verdicts like those of measured runs. Pure."""

from pipebench.records import store
from pipebench.records.on_paper import ClaimOnPaper, OnPaper
from pipebench.records.reproduction import ReproductionRecord, VerdictOfClaim
from pipebench.reproduction.claims import PAPER_EIGHT_GPUS
from pipebench.reproduction.on_paper import on_paper
from pipebench.reproduction.verdicts import agreement


def simulated() -> ReproductionRecord:
    """Make the record; its interval is how far all assumptions together move the ratio, since nothing was measured.

    There is no verdict for the talk: what is simulated is the paper's layout.
    """
    found, created = on_paper(), store.now()
    return ReproductionRecord(
        id=store.new_id(created, "reproduction-simulated"),
        created=created.isoformat(timespec="seconds"),
        status="completed",
        verdicts=[_verdict(claim, found) for claim in found.claims if claim.reading == "paper"],
        runs=[],
        on_paper=found,
    )


def _verdict(claim: ClaimOnPaper, found: OnPaper) -> VerdictOfClaim:
    verdict = agreement(found.ratio, found.low, found.high, claim.ratio)
    return VerdictOfClaim(
        claim=claim.text,
        source=claim.source,
        reading=claim.reading,
        pipeline="on paper: 4 devices with a layer each, 4 that share the softmax, one step a chunk",
        value=found.ratio,
        low=found.low,
        high=found.high,
        claimed=claim.ratio,
        evidence="simulated",
        full_size=True,
        verdict=verdict.verdict,
        direction=verdict.direction,
        words_per_s=found.words_per_s,
        baseline_words_per_s=found.fitted_to_words_per_s,
        claimed_words_per_s=PAPER_EIGHT_GPUS if claim.reading == "paper" else None,
    )
