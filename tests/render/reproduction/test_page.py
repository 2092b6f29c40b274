"""The page of a reproduction, in a terminal and as Markdown."""

import io

import msgspec
import pytest
from rich.console import Console

from pipebench.records.reproduction import Lost, ReproductionRecord, VerdictOfClaim
from pipebench.records.schema import Failure
from pipebench.render.reproduction.page import markdown, report
from tests.builders import completed_record

LOST = Lost(
    devices=8,
    overlap=1.5,
    unequal=1.25,
    transfer=1.0,
    work=1.2,
    shared=1.0,
    busy_share=0.5,
    busiest="device 7 (LSTM 7 + projection)",
    busiest_over_mean=1.4,
)
TALK = VerdictOfClaim(
    claim="3.5x on 8 GPUs",
    source="a talk",
    reading="talk",
    pipeline="gpipe, 16 microbatches",
    value=3.56,
    low=3.4,
    high=3.7,
    claimed=3.5,
    evidence="emulated",
    full_size=False,
    verdict="consistent",
    lost=LOST,
    run=0,
)
PAPER = msgspec.structs.replace(
    TALK,
    reading="paper",
    claim="6,300 words/s",
    source="a paper",
    claimed=6300 / 1700,
    low=None,
    high=None,
    verdict="unclear",
)


def record(*verdicts: VerdictOfClaim, **changes: object) -> ReproductionRecord:
    made = ReproductionRecord(
        id="20261126-000000-reproduction-000000",
        created="2026-11-26T00:00:00+00:00",
        status="completed",
        verdicts=list(verdicts),
        runs=[completed_record()],
        budget_s=240.0,
        took_s=230.0,
    )
    return msgspec.structs.replace(made, **changes)


def shown(made: ReproductionRecord, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(report(made, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_each_claim_stands_with_its_source_what_was_measured_and_the_verdict() -> None:
    page = " ".join(shown(record(TALK, PAPER)).split())
    for words in (
        "the talk 3.5x on 8 GPUs",
        "source a talk",
        "3.56x 3.40-3.70 3.50x 1.02 consistent",
        "3.56x - 3.71x 0.96 unclear",
        "8 devices / 1.50 fill, drain and waiting / 1.25 unequal devices / 1.20 small slices and other work = 3.56x",
        "busy 50 %, the busiest is device 7 (LSTM 7 + projection), 1.40x the mean",
    ):
        assert words in page


def test_an_emulation_is_never_told_to_reproduce_anything() -> None:
    page = " ".join(shown(record(TALK)).split())
    told = "reproduced here? emulated devices cannot do that. How they agree with the claim: the talk: consistent"
    assert told in page
    both = msgspec.structs.replace(PAPER, verdict="inconsistent", direction="below"), PAPER
    page = " ".join(shown(record(TALK, *both)).split())
    assert "the talk: consistent; the paper: inconsistent (below) or unclear, by pipeline" in page
    assert "verdicts consistent: the claim lies in the interval, its ends divided by 1.19 and 1.01" in page
    measured = msgspec.structs.replace(TALK, evidence="measured", full_size=True, verdict="exceeded")
    assert "reproduced here? the talk: exceeded" in " ".join(shown(record(measured)).split())


def test_which_side_an_inconsistent_value_lies_on_is_told() -> None:
    above = msgspec.structs.replace(TALK, verdict="inconsistent", direction="above")
    assert "inconsistent (above)" in shown(record(above))


def test_one_that_was_ended_says_why() -> None:
    ended = record(status="aborted", failure=Failure(exit_code=130, message="interrupted"), runs=[])
    assert "nothing was measured" in shown(ended)
    assert "interrupted" in shown(ended)


@pytest.mark.parametrize("width", [40, 72, 80, 120])
def test_no_name_and_no_figure_is_cut(width: int) -> None:
    page = shown(record(TALK, PAPER), width)
    assert "consistent" in page
    assert "3.40-3.70" in page


def test_markdown_has_the_same_tables() -> None:
    page = markdown(record(TALK, PAPER))
    assert "| gpipe, 16 microbatches | 3.56x | 3.40-3.70 | 3.50x | 1.02 | consistent |" in page
    assert page.count("| pipeline | here |") == 2
    assert "- **the talk** 3.5x on 8 GPUs" in page
