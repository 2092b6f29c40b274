"""The rule on its own: where estimate and interval lie decides, case by case."""

from collections.abc import Sequence
from math import exp, log
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.comparison.doubts import Doubt
from pipebench.comparison.metrics import Sample
from pipebench.comparison.verdicts import LEVEL, adjusted, estimate, verdict_on, without_change
from pipebench.records.comparison import MetricComparison, MetricName
from tests.builders import PROPERTY


def values(middle: float, spread: float, number: int = 6) -> tuple[float, ...]:
    """Launches whose logarithms are evenly spread around the middle's."""
    return tuple(middle * exp(spread * (2 * n / (number - 1) - 1)) for n in range(number))


def found_on(
    metric: MetricName,
    reference: Sequence[float],
    candidate: Sequence[float],
    *,
    threshold: float = 0.03,
    doubts: Sequence[Doubt] = (),
) -> MetricComparison:
    measured = estimate(metric, Sample(tuple(reference), "step"), Sample(tuple(candidate), "step"))
    p_value = adjusted({metric: measured}, [metric])[metric]
    return verdict_on(measured, threshold=threshold, gated=True, adjusted_p_value=p_value, doubts=doubts)


@pytest.mark.parametrize(
    ("factor", "spread", "verdict"),
    [
        (1.0, 0.005, "same"),
        (1.02, 0.005, "same"),  # worse for certain, but less than matters
        (1.05, 0.005, "regression"),
        (0.95, 0.005, "improvement"),
        (0.98, 0.002, "same"),
        (1.05, 0.10, "inconclusive"),  # past the threshold, not beyond 0
        (1.025, 0.012, "inconclusive"),  # beyond 0, and neither within the threshold nor past it
        (0.975, 0.012, "improvement"),  # beyond 0 on the good side: no gate has to stop it
        (1.0, 0.05, "inconclusive"),
    ],
)
def test_lower_is_better(factor: float, spread: float, verdict: str) -> None:
    found = found_on("step_s", values(1.0, spread), values(factor, spread))
    assert found.verdict == verdict
    assert found.reason == ("wide-interval" if verdict == "inconclusive" else None)


@pytest.mark.parametrize(("factor", "verdict"), [(0.95, "regression"), (1.05, "improvement"), (1.0, "same")])
def test_higher_is_better(factor: float, verdict: str) -> None:
    assert found_on("words_per_s", values(1.0, 0.005), values(factor, 0.005)).verdict == verdict


@PROPERTY
@given(
    st.lists(st.floats(0.9, 1.1), min_size=2, max_size=8),
    st.lists(st.floats(0.9, 1.1), min_size=2, max_size=8),
    st.sampled_from([0.01, 0.03, 0.10]),
)
def test_a_verdict_is_what_its_figures_say(
    reference: list[float], candidate: list[float], threshold: float
) -> None:
    found = found_on("step_s", reference, candidate, threshold=threshold)
    if min(len(reference), len(candidate)) < 4:
        assert (found.verdict, found.reason) == ("inconclusive", "too-few-launches")
        return
    assert found.change is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.change <= found.high
    beyond = found.adjusted_p_value is not None and found.adjusted_p_value < LEVEL
    assert (found.verdict == "regression") == (beyond and found.change > threshold)
    assert (found.verdict == "same") == (-threshold < found.low and found.high < threshold)
    if found.verdict == "improvement":
        assert found.high < 0
    if found.verdict == "regression":
        assert found.low > 0


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "inconclusive"), (0.9, "inconclusive"), (1.1, "regression")]
)
def test_a_doubt_takes_back_good_verdicts_only(factor: float, verdict: str) -> None:
    doubts = [Doubt("bimodal", "", ""), Doubt("drift", "", "")]
    found = found_on("step_s", values(1.0, 0.005), values(factor, 0.005), doubts=doubts)
    assert (found.verdict, found.reason) == (verdict, "bimodal" if verdict == "inconclusive" else None)


def test_a_wide_interval_stays_the_reason_beside_a_doubt() -> None:
    found = found_on("step_s", values(1.0, 0.05), values(1.0, 0.05), doubts=[Doubt("drift", "", "")])
    assert found.reason == "wide-interval"


def test_the_launches_asked_for_would_be_enough_if_nothing_else_changed() -> None:
    def launches(number: int) -> list[float]:
        """As many as wanted, with the same spread."""
        even = values(1.0, 1.0, number)
        return [value ** (0.03 / stdev(map(log, even))) for value in even]

    found = found_on("step_s", launches(6), launches(6))
    assert (found.verdict, found.reason) == ("inconclusive", "wide-interval")
    assert found.note is not None
    needed = int(found.note.split(">= ")[1].split()[0])
    assert found_on("step_s", launches(needed), launches(needed)).verdict == "same"
    assert found_on("step_s", launches(needed - 1), launches(needed - 1)).verdict == "inconclusive"


def test_a_value_of_zero_has_no_ratio() -> None:
    found = found_on("bubble_fraction", [0.0], [0.5])
    assert (found.verdict, found.change, found.reference, found.candidate) == ("inconclusive", None, 0.0, 0.5)


def test_holm_makes_two_gated_questions_stricter_than_one() -> None:
    step = estimate("step_s", Sample(values(1.0, 0.03), "step"), Sample(values(1.05, 0.03), "step"))
    ratio = estimate("speedup", Sample(values(1.0, 0.03), "ratio"), Sample(values(1.0, 0.03), "ratio"))
    both = {"step_s": step, "speedup": ratio}
    alone = adjusted(both, ["step_s"])["step_s"]
    together = adjusted(both, ["step_s", "speedup"])["step_s"]
    assert alone is not None
    assert together == pytest.approx(2 * alone)


def test_one_question_asked_by_two_metrics_has_one_answer() -> None:
    words = estimate("words_per_s", Sample((2.0, 3.0), "step", 5.0), Sample((4.0, 4.1), "step", 5.0))
    step = estimate("step_s", Sample((2.0, 3.0), "step"), Sample((4.0, 4.1), "step"))
    other = estimate("efficiency", Sample((2.0, 3.0), "step", 0.5), Sample((4.0, 4.1), "step", 0.25))
    assert words.hypothesis == step.hypothesis != other.hypothesis


def test_the_spread_of_a_launch_is_that_of_both_sides() -> None:
    reference, candidate = (1.0, exp(0.02)), (1.0, exp(0.02))
    measured = estimate("step_s", Sample(reference, "step"), Sample(candidate, "step"))
    assert measured.log_sd == pytest.approx(log(exp(0.02)) / 2**0.5)
    assert estimate("step_s", Sample((1.0,), "step"), Sample((1.0,), "step")).log_sd is None


def test_what_cannot_be_compared_keeps_its_values_and_has_no_change() -> None:
    found = without_change(
        "incomparable",
        "clock",
        threshold=0.03,
        gated=True,
        sides=(Sample((2.0, 2.0), "ratio"), None),
    )
    assert (found.reference, found.candidate, found.change, found.launches) == (2.0, None, None, [2, 0])


def test_where_only_all_gates_together_ask_for_more_the_note_says_so() -> None:
    measured = estimate("step_s", Sample(values(1.0, 0.06), "step"), Sample(values(1.07, 0.06), "step"))
    assert measured.ratio is not None
    assert measured.ratio.p_value is not None
    assert measured.ratio.p_value < LEVEL
    found = verdict_on(measured, threshold=0.03, gated=True, adjusted_p_value=0.09, doubts=())
    assert (found.verdict, found.reason) == ("inconclusive", "wide-interval")
    assert found.note is not None
    assert "p is 0.09 over all gates (Holm)" in found.note
    alone = verdict_on(
        measured, threshold=0.03, gated=True, adjusted_p_value=measured.ratio.p_value, doubts=()
    )
    assert alone.verdict == "regression"
