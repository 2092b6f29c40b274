import msgspec
import pytest

from pipebench.comparison.contradictions import contradictions
from pipebench.comparison.metrics import samples
from pipebench.records import documents
from pipebench.records.figures import Bubble, Pipeline, Speedup
from pipebench.records.run import CompletedRun
from tests.builders import own_record, steady_record, with_config


def told(record: CompletedRun) -> list[str]:
    return contradictions(record, samples(record))


def test_a_record_as_it_is_written_contradicts_nothing() -> None:
    assert told(steady_record()) == []
    assert told(documents.decode(documents.encode(steady_record()), "x")) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"pipeline": Pipeline(9.0, 512 / 9)}, ["pipeline.step_s", "pipeline.words_per_s"]),
        ({"speedup": Speedup(3.0, 2.9, 3.1)}, ["speedup.value", "speedup.low", "speedup.high"]),
        ({"efficiency": 0.9}, ["efficiency"]),
        ({"bubble": Bubble(0.01)}, ["bubble.fraction"]),
    ],
)
def test_each_summary_that_differs_is_named_with_both_values(
    changes: dict[str, object], fields: list[str]
) -> None:
    found = told(msgspec.structs.replace(steady_record(), **changes))
    assert [text.split(" is ")[0] for text in found] == fields
    assert all("the samples say" in text for text in found)


def test_counts_that_differ_are_named() -> None:
    assert told(with_config(steady_record(), launches=12, gpus=3)) == [
        "config.launches is 12, there are 6",
        "config.gpus is 3, device.count 2",
    ]


def test_rounding_is_no_contradiction() -> None:
    record = steady_record()
    step_s = record.pipeline.step_s * (1 + 1e-9)
    assert told(msgspec.structs.replace(record, pipeline=Pipeline(step_s, 512 / step_s))) == []


def test_an_own_model_s_record_agrees_with_itself_or_says_where_it_does_not() -> None:
    own = own_record(devices=2)
    assert contradictions(own, samples(own)) == []
    lying = msgspec.structs.replace(own, pipeline=Pipeline(9.5, None, 1.0), efficiency=1.0)
    fields = [each.split()[0] for each in contradictions(lying, samples(lying))]
    assert fields == ["pipeline.step_s", "pipeline.items_per_s", "efficiency"]


def test_two_figures_of_one_step_must_agree() -> None:
    record = steady_record()
    assert record.config.input is not None
    both = msgspec.structs.replace(record.config.input, items_per_step=512.0)
    assert contradictions(with_config(record, input=both), samples(record)) == []
    apart = with_config(record, input=msgspec.structs.replace(both, words_per_step=400.0))
    assert "config.input.words_per_step is 400, items_per_step 512" in contradictions(apart, samples(apart))
