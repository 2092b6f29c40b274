from pathlib import Path

from pipebench.comparison.compare import compare
from pipebench.comparison.overall import comparisons_of
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.selection import Source
from tests.builders import steady_record


def record(*factors: float) -> ComparisonRecord:
    """One record against others whose steps take so many times as long."""
    return compare([Source(steady_record(factor), Path(f"{factor}.json")) for factor in (1.0, *factors)])


def test_the_first_pair_is_the_record_s_own() -> None:
    found = record(1.1, 0.9)
    first, second = comparisons_of(found)
    assert first.metrics is found.metrics
    assert first.candidate is found.candidate
    assert [second] == found.others
    assert found.sides == [found.reference, first.candidate, second.candidate]


def test_what_is_said_of_several_is_what_is_said_of_the_worst() -> None:
    found = record(0.8, 1.25, 1.0)
    assert [pair.overall.verdict for pair in comparisons_of(found)] == ["improvement", "regression", "same"]
    assert found.overall == comparisons_of(found)[1].overall
    assert "speedup" in found.overall.metrics
    assert record(0.8, 1.0).overall.verdict == "same"
