from dataclasses import replace
from math import inf, nan

import pytest

from pipebench.errors import UsageError
from pipebench.models.layout import Shape, Sharing, graph_of
from pipebench.plan.actions import REDUCTIONS, parse_action
from pipebench.plan.graph import Graph
from pipebench.timing.costs import MeasuredCosts, SoftmaxCosts, StageCosts, StageFactor, UniformCosts

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
    assert UniformCosts(1.0, 2.0).gap_s(F) == 0.0


FACTORS = (StageFactor(1.0, 1.0), StageFactor(2.0, 5.0))


def test_a_stage_s_factors_are_of_its_forward_and_of_its_backward_whole_or_halved() -> None:
    costs = StageCosts(UniformCosts(1.5, backward_input=0.25, backward_weight=0.5), FACTORS)
    actions = [parse_action(f"{stage}{letter}3") for stage in (0, 1) for letter in "FBIW"]
    assert [costs.action_s(action) for action in actions] == [1.5, 0.75, 0.25, 0.5, 3.0, 3.75, 1.25, 2.5]
    assert costs.before_s(0) == costs.after_s(1) == costs.gap_s(F) == 0.0


def test_a_softmax_comes_on_top_of_stages_that_differ() -> None:
    chain = StageCosts(UniformCosts(1.0, 4.0), FACTORS)
    alone, shared = graph_of(Shape(2, None), 1, 1), graph_of(Shape(2, 1), 1, 1)
    found = [
        {str(action): SoftmaxCosts(chain, 6.0, graph).action_s(action) for action in graph.actions()}
        for graph in (alone, shared)
    ]
    assert found[0] == {"0F0": 1, "1F0": 2 + 6, "0B0": 4, "1B0": 20 + 12}
    assert found[1] == {"0F0": 1, "1F0": 2, "2F0": 6, "3F0": 0, "0B0": 4, "1B0": 20, "2B0": 12, "3B0": 0}


def test_the_norm_of_the_gradients_is_free_on_every_stage() -> None:
    graph = graph_of(Shape(2, clips=True), 1, 1)
    costs = StageCosts(UniformCosts(1.0, 4.0), FACTORS)
    assert {costs.action_s(action) for action in graph.actions() if action.operation in REDUCTIONS} == {0.0}


def softmax_costs(graph: Graph, **halves: float) -> dict[str, float]:
    """What each action of one microbatch costs with a projection of 6 seconds at the end of stages of 1 and 4."""
    chain = UniformCosts(1.0, **halves) if halves else UniformCosts(1.0, 4.0)
    costs = SoftmaxCosts(chain, 6.0, graph)
    assert costs.before_s(0) == costs.after_s(0) == costs.gap_s(F) == 0.0
    return {str(action): costs.action_s(action) for action in graph.actions()}


def test_a_softmax_that_nobody_shares_adds_to_the_last_stage() -> None:
    assert softmax_costs(graph_of(Shape(2, None), 1, 1)) == {"0F0": 1, "1F0": 7, "0B0": 4, "1B0": 16}


@pytest.mark.parametrize(("sharing", "shards"), [("all", 2), (1, 1), (3, 3)])
def test_each_shard_has_its_part_of_a_softmax_and_the_loss_is_free(sharing: Sharing, shards: int) -> None:
    found = softmax_costs(graph_of(Shape(2, sharing), 1, 1))
    loss = 2 + shards
    assert {action: s for action, s in found.items() if int(action[0]) < 2} == {
        "0F0": 1,
        "1F0": 1,
        "0B0": 4,
        "1B0": 4,
    }
    assert [found[f"{stage}F0"] for stage in range(2, loss)] == [6 / shards] * shards
    assert [found[f"{stage}B0"] for stage in range(2, loss)] == [12 / shards] * shards
    assert found[f"{loss}F0"] == found[f"{loss}B0"] == 0.0


@pytest.mark.parametrize("sharing", [None, "all"])
def test_either_half_of_a_softmax_s_backward_takes_as_long_as_its_forward(sharing: Sharing) -> None:
    graph = replace(graph_of(Shape(2, sharing), 1, 1), split_backward=True)
    found = softmax_costs(graph, backward_input=2.5, backward_weight=1.5)
    if sharing is None:
        assert found == {"0F0": 1, "1F0": 7, "0I0": 2.5, "1I0": 8.5, "0W0": 1.5, "1W0": 7.5}
    else:
        assert (
            [found[f"2{letter}0"] for letter in "FIW"]
            == [found[f"3{letter}0"] for letter in "FIW"]
            == [3, 3, 3]
        )


def test_measured_costs_are_looked_up_action_by_action() -> None:
    costs = MeasuredCosts({F: 0.5, B: 0.75}, before={1: 0.1}, after={0: 0.2}, gaps={B: 0.25})
    assert costs.action_s(F) == 0.5
    assert costs.action_s(B) == 0.75
    assert (costs.before_s(0), costs.before_s(1)) == (0.0, 0.1)
    assert (costs.after_s(0), costs.after_s(1)) == (0.2, 0.0)
    assert (costs.gap_s(F), costs.gap_s(B)) == (0.0, 0.25)


def test_an_action_that_was_not_measured_has_no_cost() -> None:
    with pytest.raises(KeyError):
        MeasuredCosts({F: 0.5}).action_s(B)
