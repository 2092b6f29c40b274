"""Gaps ahead of actions, and messages that take what is said of each."""

import pytest

from pipebench.plan.actions import Operation, parse_action
from pipebench.plan.transfers import Message
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.simulator import simulate
from tests.builders import costs_by_hand, plan_of
from tests.timing.by_hand import lanes, transfers_by_text


@pytest.mark.parametrize(
    ("options", "lanes_of_both"),
    [
        ({"link": latency_only(0.5)}, ["0F0 0-1, 0F1 1-2, 0B1 6-8, 0B0 8-10", "1F0 1.5-2.5, 1F1 2.5-3.5"]),
        ({"link": Link(0.5)}, ["0F0 0-1, 0F1 1-2, 0B1 6-8, 0B0 8-10", "1F0 1.5-2.5, 1F1 2.5-3.5"]),
        (
            {"link": latency_only(0.5), "blocking": True},
            ["0F0 0-1, 0F1 1.5-2.5, 0B1 6.5-8.5, 0B0 9-11", "1F0 1.5-2.5, 1F1 3-4"],
        ),
    ],
)
def test_a_device_does_nothing_in_a_gap_ahead_of_an_action(options: dict, lanes_of_both: list[str]) -> None:
    """1F1 could start at 2.5 (3 with blocking messages), and 0B1 when 1B1 is there: each waits a quarter longer."""
    plan = plan_of("gpipe", 2, 2)
    usual = {action: 1.0 if action.operation is Operation.FORWARD else 2.0 for action in plan.graph.actions()}
    no_gaps = simulate(plan, MeasuredCosts(usual), **options)
    assert [lane.startswith(start) for lane, start in zip(lanes(no_gaps), lanes_of_both, strict=True)] == [
        True,
        True,
    ]
    gaps = {parse_action("1F1"): 0.25, parse_action("0B1"): 0.5}
    spans = {
        str(span.action): (span.start_s, span.end_s)
        for span in simulate(plan, MeasuredCosts(usual, gaps=gaps), **options).spans
    }
    before = {str(span.action): (span.start_s, span.end_s) for span in no_gaps.spans}
    assert spans["0F1"] == before["0F1"]
    for action, later_s in {"1F1": 0.25, "1B1": 0.25, "0B1": 0.75, "0B0": 0.75}.items():
        assert spans[action] == tuple(time_s + later_s for time_s in before[action])


def test_a_gap_ahead_of_a_device_s_first_action_comes_after_its_other_work() -> None:
    plan = plan_of("gpipe", 1, 1)
    usual = costs_by_hand(plan.graph).actions
    timeline = simulate(plan, MeasuredCosts(usual, before={0: 4.0}, gaps={parse_action("0F0"): 0.5}))
    assert lanes(timeline) == ["0F0 4.5-5.5, 0B0 5.5-7.5"]


@pytest.mark.parametrize("link", [Link(), Link(3.0, 5.0, overhead_s=0.25), latency_only(2.0)])
def test_what_messages_take_may_be_said_one_by_one_and_the_link_then_counts_for_nothing(link: Link) -> None:
    def taken_s(message: Message) -> float:
        return 10.0 if str(message.producer) == "0F0" else 0.5

    timeline = simulate(plan_of("gpipe", 2, 3), UniformCosts(1, 2), link, transfer_s=taken_s)
    found = transfers_by_text(timeline)
    assert (found["0F0"], found["0F1"], found["0F2"]) == ((1, 1, 11), (2, 2, 2.5), (3, 3, 3.5))
    assert lanes(timeline)[1] == "1F0 11-12, 1F1 12-13, 1F2 13-14, 1B2 14-16, 1B1 16-18, 1B0 18-20"
    assert timeline.makespan_s == 20.5 + 2


def test_what_a_message_takes_may_be_said_for_blocking_ones_too() -> None:
    plan, costs = plan_of("gpipe", 2, 2), UniformCosts(1, 2)
    said = simulate(plan, costs, transfer_s=lambda _: 0.5, blocking=True)
    assert said == simulate(plan, costs, latency_only(0.5), blocking=True)
