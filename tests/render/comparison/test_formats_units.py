"""Every format in the unit that the records count: one row for what has two names, and no words where none are."""

import pytest

from pipebench.records.comparison import ComparisonRecord
from tests.builders import own_record, steady_record
from tests.render.comparison.formats import FORMATS, compared, in_terminal


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("devices", [1, 2])
def test_an_own_model_is_compared_in_its_unit_and_never_in_words(form: str, devices: int) -> None:
    text = FORMATS[form](compared(own_record(devices=devices), own_record(1.1, devices=devices)))
    assert "words" not in text
    assert ("throughput" if form == "spreadsheet" else "samples/s") in text
    if form != "spreadsheet":
        assert ("relative to 2 devices" in text) == (devices == 2)


def lines_of(record: ComparisonRecord) -> list[str]:
    return [
        line.split("  ")[0]
        for line in in_terminal(record).splitlines()
        if "▼" in line and "overall" not in line
    ]


def test_what_has_two_names_has_one_row() -> None:
    pair = steady_record(), steady_record(1.1)
    assert lines_of(compared(*pair))[0] == "words/s *"
    for gates in ({"throughput": 0.03}, {"throughput": 0.03, "words_per_s": 0.03}):
        rows = lines_of(compared(*pair, gates=gates))
        assert [row for row in rows if "words/s" in row] == ["words/s *"]
    text = in_terminal(compared(*pair, gates={"throughput": 0.03, "words_per_s": 0.03}))
    assert "gated, with its threshold: words/s 3 %\n" in text
    assert "(words/s)" in text


def test_words_that_are_not_counted_are_a_row_beside_what_is() -> None:
    text = in_terminal(compared(own_record(), own_record(1.1), gates={"words_per_s": 0.03}))
    assert "words/s *" in text
    assert "samples/s " in text
    assert "not in A, which counts samples" in text


def test_an_own_model_beside_the_lstm_is_named_and_counts_items() -> None:
    text = in_terminal(compared(own_record(), steady_record()))
    assert "B: config.model.name: net -> stacked LSTM" in text
    assert "B: config.hidden: none -> 32" in text
    assert "items/s *" in text
