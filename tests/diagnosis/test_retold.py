import pytest

from pipebench.diagnosis.factors import Factors
from pipebench.diagnosis.retold import retold
from pipebench.records.figures import Speedup
from pipebench.records.run import RunRecord
from pipebench.records.schema import WarningRecord
from tests.builders import completed_record, own_record, with_config

BY_RULE = WarningRecord("slower-than-one-device", "its slices are so small", "use fewer --microbatches")
OTHER = WarningRecord("short-text", "as it was stored", "so")
TURNS = Factors(devices=2, overlap=2.0, unequal=1.0, transfer=1.0, work=1.0)


def slow_record(**changes: object) -> RunRecord:
    return completed_record(speedup=Speedup(0.9, 0.89, 0.91), warnings=[BY_RULE, OTHER], **changes)


def test_what_was_asserted_by_rule_is_told_by_the_figures_and_all_else_as_it_was_stored() -> None:
    slower, other = retold(slow_record(), TURNS)
    assert slower.cause.endswith("of at most 2x it loses 2.00x to fill, drain and waiting")
    assert other == OTHER


def test_what_does_not_follow_from_the_figures_is_not_shown() -> None:
    record = completed_record(warnings=[WarningRecord("imbalance", "sets the pace", "so"), OTHER])
    assert retold(record, TURNS) == [OTHER]


@pytest.mark.parametrize("factors", [None, TURNS])
def test_a_record_that_this_version_cannot_judge_is_shown_as_it_is(factors: Factors | None) -> None:
    record = slow_record() if factors is None else with_config(slow_record(), schedule="of a later version")
    assert retold(record, factors) == [BY_RULE, OTHER]


def test_the_warnings_of_an_own_model_are_shown_as_they_are_stored() -> None:
    own = own_record(warnings=[BY_RULE, OTHER], speedup=Speedup(0.9, 0.89, 0.91))
    assert retold(own, TURNS) == [BY_RULE, OTHER]
    assert retold(with_config(slow_record(), sequence_length=None), TURNS) == [BY_RULE, OTHER]
