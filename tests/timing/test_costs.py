from math import inf, nan

import pytest

from pipebench.errors import UsageError
from pipebench.plan.actions import parse_action
from pipebench.timing.costs import MeasuredCosts, UniformCosts

F, B, HALF_INPUT, HALF_WEIGHT = (parse_action(text) for text in ("3F1", "3B1", "3I1", "3W1"))


def test_uniform_costs_are_those_of_the_operation() -> None:
    costs = UniformCosts(1.5, 2.5)
    assert costs.action_s(F) == costs.action_s(F._replace(stage=0, microbatch=7, chunk=2)) == 1.5
    assert costs.action_s(B) == 2.5


def test_a_full_backward_is_the_sum_of_its_halves() -> None:
    costs = UniformCosts(1.0, backward_input=0.25, backward_weight=0.5)
    assert costs.backward == costs.action_s(B) == 0.75
    assert costs.action_s(HALF_INPUT) == 0.25
    assert costs.action_s(HALF_WEIGHT) == 0.5


def test_backward_and_halves_that_agree_are_accepted() -> None:
    assert UniformCosts(1.0, 0.3, 0.1, 0.2).backward == pytest.approx(0.3, rel=1e-12)


def test_a_cost_may_be_zero() -> None:
    assert UniformCosts(0.0, 0.0).action_s(F) == 0.0


def test_half_a_backward_has_no_cost_where_only_the_full_one_is_known() -> None:
    with pytest.raises(
        UsageError, match="3I1 is half a backward: expected backward_input and backward_weigh"
    ):
        UniformCosts(1.0, 2.0).action_s(HALF_INPUT)
    with pytest.raises(UsageError, match="3W1 is half a backward"):
        UniformCosts(1.0, 2.0).action_s(HALF_WEIGHT)


@pytest.mark.parametrize("name", ["forward", "backward", "backward_input", "backward_weight"])
@pytest.mark.parametrize("value", [-1e-9, inf, nan, -inf])
def test_a_cost_that_is_no_finite_number_of_seconds_is_refused_by_name(name: str, value: float) -> None:
    costs = {"forward": 1.0, "backward": 2.0, "backward_input": 1.0, "backward_weight": 1.0} | {name: value}
    with pytest.raises(UsageError, match=f"{name} must be a finite number of seconds, at least 0"):
        UniformCosts(**costs)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"forward": 1.0}, "expected backward, or backward_input and backward_weight"),
        ({"forward": 1.0, "backward_input": 1.0}, "go together: give both or neither"),
        ({"forward": 1.0, "backward": 2.0, "backward_weight": 1.0}, "go together: give both or neither"),
        (
            {"forward": 1.0, "backward": 3.0, "backward_input": 1.0, "backward_weight": 1.0},
            "backward is 3.0, but its halves backward-input and backward-weight add up to 2.0: leave one out",
        ),
    ],
)
def test_costs_that_are_missing_or_contradict_each_other_are_refused(costs: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        UniformCosts(**costs)


def test_uniform_costs_have_no_work_around_the_actions() -> None:
    assert UniformCosts(1.0, 2.0).before_s(0) == UniformCosts(1.0, 2.0).after_s(5) == 0.0


def test_measured_costs_are_looked_up_action_by_action() -> None:
    costs = MeasuredCosts({F: 0.5, B: 0.75}, before={1: 0.1}, after={0: 0.2})
    assert costs.action_s(F) == 0.5
    assert costs.action_s(B) == 0.75
    assert (costs.before_s(0), costs.before_s(1)) == (0.0, 0.1)
    assert (costs.after_s(0), costs.after_s(1)) == (0.2, 0.0)


def test_an_action_that_was_not_measured_has_no_cost() -> None:
    with pytest.raises(KeyError):
        MeasuredCosts({F: 0.5}).action_s(B)
