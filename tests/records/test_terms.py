import msgspec
import pytest

from pipebench.records.run import RunRecord
from pipebench.records.terms import Terms, in_common, terms_of
from tests.builders import ended_run, own_record, steady_record, with_config


def counting(unit: str) -> RunRecord:
    record = own_record()
    assert record.config.input is not None
    return with_config(record, input=msgspec.structs.replace(record.config.input, unit=unit))


def test_the_terms_are_those_of_the_record() -> None:
    assert terms_of(steady_record()) == Terms("words", 1)
    assert terms_of(own_record()) == Terms("samples", 1)
    assert terms_of(own_record(devices=2)) == Terms("samples", 2)


def test_a_run_that_ended_before_its_input_was_read_counts_what_its_model_would() -> None:
    aborted = {"speedup": None, "baseline": None}
    for record, unit in ((steady_record(), "words"), (own_record(), "items")):
        ended = ended_run(record, **aborted)
        assert terms_of(with_config(ended, input=None)) == Terms(unit, 1)


@pytest.mark.parametrize("unit", ["samples", "voxels 3D", "Bilder", "Wörter", "pixel-rows"])
def test_a_plain_word_is_repeated(unit: str) -> None:
    assert terms_of(counting(unit)).rate == f"{unit}/s"


@pytest.mark.parametrize(
    "unit", ["", " x", "a\n::error::b", "x" * 40, "<b>", "=1+1", "a_b", "x\n", "\x1b[31m", "{0}"]
)
def test_what_is_no_plain_word_is_called_items(unit: str) -> None:
    assert terms_of(counting(unit)).unit == "items"


def test_terms_in_common_are_those_that_hold_for_all() -> None:
    assert in_common([Terms("samples", 2), Terms("samples", 2)]) == Terms("samples", 2)
    assert in_common([Terms("samples", 2), Terms("words", 1)]) == Terms("items", 1)


def test_a_baseline_on_several_devices_is_named_wherever_it_is_told_of() -> None:
    one, two = Terms("samples"), Terms("samples", 2)
    assert (one.relative, one.row, one.baseline) == ("", "one device", "one device")
    assert two.relative == " relative to 2 devices"
    assert (two.row, two.baseline, two.whose) == ("baseline", "the baseline on 2 devices", "2 devices'")
