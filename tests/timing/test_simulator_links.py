"""The simulator's messages: ports that hold one at a time, bytes, what both ends spend on one, and hosts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan.actions import Operation
from pipebench.plan.check import check
from pipebench.plan.graph import Graph
from pipebench.plan.plan import plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import Message
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import Link, Topology, latency_only
from pipebench.timing.simulator import simulate
from tests.builders import PROPERTY, costs_by_hand, plan_of, random_costs
from tests.timing.by_hand import transfers_by_text

seeds = st.integers(0, 10**6)


def test_one_egress_port_sends_one_message_at_a_time() -> None:
    timeline = simulate(plan_of("gpipe", 2, 3), UniformCosts(1, 2), Link(3.0))
    assert transfers_by_text(timeline) == {
        "0F0": (1, 1, 4),
        "0F1": (2, 4, 7),
        "0F2": (3, 7, 10),
        "1B2": (13, 13, 16),
        "1B1": (15, 16, 19),
        "1B0": (17, 19, 22),
    }
    assert timeline.makespan_s == 24


def test_a_broadcast_is_one_transfer_after_another_through_one_egress_port() -> None:
    """Device 0 holds stages 0, 2 and 4; 4F0, 2F1 and 0F2 end at once and go to three devices."""
    plan = plan_from_csv(
        "0F0,2F0,0F1,4F0,2F1,0F2,4F1,2F2,4F2,4B2,4B1,2B2,4B0,2B1,0B2,2B0,0B1,0B0\n"
        "1F0,1F1,1F2,1B2,1B1,1B0\n3F0,3F1,3F2,3B2,3B1,3B0\n5F0,5F1,5F2,5B2,5B1,5B0\n"
    )
    check(plan)
    costs = costs_by_hand(plan.graph, _4F0=100.0, _2F1=0.0, _0F2=0.0)
    found = transfers_by_text(simulate(plan, costs, Link(2.0)))
    together = found["4F0"][0]
    assert found["4F0"] == (together, together, together + 2)
    assert found["2F1"] == (together, together + 2, together + 4)
    assert found["0F2"] == (together, together + 4, together + 6)
    free = transfers_by_text(simulate(plan, costs, latency_only(2.0)))
    assert [free[text][1] - free[text][0] for text in ("4F0", "2F1", "0F2")] == [0, 0, 0]


def test_one_ingress_port_takes_one_message_at_a_time() -> None:
    plan = plan_from_csv("0F0,0F1,0B0,0B1\n1F0,1F1,1B0,1B1\n2F0,2B0,2F1,2B1\n")
    found = transfers_by_text(simulate(plan, costs_by_hand(plan.graph, _0F1=5.5), Link(1.0)))
    assert found["0F1"] == (6.5, 6.5, 7.5)
    assert found["2B0"] == (7.0, 7.5, 8.5)  # from another sender, to the same receiver


def test_both_directions_of_a_link_work_at_once() -> None:
    plan = plan_of("1f1b", 2, 2)
    found = transfers_by_text(simulate(plan, costs_by_hand(plan.graph, _0F1=4.0), Link(1.0)))
    assert found["0F1"] == found["1B0"] == (5.0, 5.0, 6.0)


def test_a_message_takes_latency_and_its_bytes_over_the_bandwidth() -> None:
    def size(message: Message) -> int:
        return 100 if message.producer.operation is Operation.FORWARD else 250

    link = Link(0.5, 100.0)
    timeline = simulate(plan_of("gpipe", 2, 1), UniformCosts(1, 2), link, message_bytes=size)
    assert transfers_by_text(timeline) == {"0F0": (1, 1, 2.5), "1B0": (5.5, 5.5, 8.5)}
    assert timeline.makespan_s == 10.5


@PROPERTY
@given(
    schedule=st.sampled_from(["gpipe", "wavefront"]),
    device_of=st.sampled_from([(0, 1), (0, 1, 2, 3), (0, 1, 0, 2), (0, 1, 2, 0, 1, 2)]),
    seed=seeds,
    latency=st.sampled_from([0.01, 1.0, 8.0]),
)
def test_ports_hold_one_message_each_and_never_rest_while_one_could_go(
    schedule: str, device_of: tuple[int, ...], seed: int, latency: float
) -> None:
    graph = Graph(len(device_of), 3, 2, device_of=device_of)
    link = Link(latency, 10.0)
    timeline = simulate(
        SCHEDULES[schedule].plan(graph),
        random_costs(graph, seed),
        link,
        message_bytes=lambda message: message.sender + 3,
    )
    assert timeline.transfers
    for end in ("sender", "receiver"):
        for device in range(graph.devices):
            lane = sorted(t[1:] for t in timeline.transfers if getattr(t.message, end) == device)
            lane.sort(key=lambda times: times[1])
            assert all(before[2] <= after[1] for before, after in pairwise(lane))
    for transfer in timeline.transfers:
        message, ready, start, ended = transfer
        assert ended == start + link.transfer_s(message.sender + 3)
        assert ready <= start
        if ready < start:
            freed = {
                other.end_s
                for other in timeline.transfers
                if other.message.sender == message.sender or other.message.receiver == message.receiver
            }
            assert start in freed


def test_each_message_costs_its_two_ends_the_overhead() -> None:
    """2 devices, 1 microbatch: 0F0 sends, 1F0 receives, 1B0 sends, 0B0 receives; nothing else of the link."""
    timeline = simulate(plan_of("gpipe", 2, 1), UniformCosts(1, 2), Link(latency_s=0.5, overhead_s=0.25))
    durations = {str(span.action): span.end_s - span.start_s for span in timeline.spans}
    assert durations == {"0F0": 1.25, "1F0": 1.25, "1B0": 2.25, "0B0": 2.25}
    assert timeline.makespan_s == 7.0
    assert all(transfer.end_s == transfer.start_s for transfer in timeline.transfers)


def test_a_topology_of_one_link_is_that_link() -> None:
    plan, costs = plan_of("1f1b", 4, 6), UniformCosts(1, 2)
    for link in (latency_only(0.25), Link(0.1, 1e3, overhead_s=0.01), Link()):
        everywhere = Topology((0, 0, 1, 1), link, link)
        alone, same = (simulate(plan, costs, each, message_bytes=lambda _: 50) for each in (link, everywhere))
        assert alone == same


def test_only_messages_between_hosts_take_what_lies_between_them() -> None:
    topology = Topology((0, 0, 1, 1), latency_only(0.0), latency_only(7.0))
    timeline = simulate(plan_of("gpipe", 4, 1), UniformCosts(1, 2), topology)
    assert timeline.makespan_s == 4 * 3 + 2 * 7  # there and back, once each
    taken = {
        t.message.sender: t.end_s - t.start_s
        for t in timeline.transfers
        if t.message.receiver > t.message.sender
    }
    assert taken == {0: 0.0, 1: 7.0, 2: 0.0}
