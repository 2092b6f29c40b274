"""The baseline's forms, and clocks that are never mixed up."""

import msgspec

from pipebench.records.figures import Candidate
from pipebench.records.run import RunRecord
from pipebench.render.result import baseline_in_short, baseline_text, interval_text, raced
from tests.builders import completed_record, own_record


def raced_record() -> RunRecord:
    record = completed_record()
    candidates = [
        Candidate("fused", 1, [19.0, 18.5], 2),
        Candidate("chain-microbatches", 4, [21.0], 1),
    ]
    return msgspec.structs.replace(
        record, baseline=msgspec.structs.replace(record.baseline, candidates=candidates)
    )


def test_every_form_that_was_tried_is_told_with_its_fastest_step() -> None:
    assert raced(raced_record()) == "fused 18.5 s, chain-microbatches x4 21.0 s"
    assert raced(completed_record()) is None


def test_the_baseline_has_a_clock_in_long_and_in_short() -> None:
    record = raced_record()
    assert baseline_text(record) == "1 device, fused, best of 2; CPU time"
    assert baseline_in_short(record) == "1 device, fused; CPU time"
    wall = msgspec.structs.replace(record, clock="wall")
    assert baseline_in_short(wall) == "1 device, fused; wall clock"
    assert baseline_in_short(own_record(devices=2)) == "2 devices, naive; virtual time"


def test_the_interval_names_its_launches() -> None:
    assert interval_text(completed_record()) == "95 % interval 2.00 to 2.00 over 2 launches"
    assert interval_text(completed_record(), joint=", ") == "95 % interval 2.00 to 2.00, 2 launches"
