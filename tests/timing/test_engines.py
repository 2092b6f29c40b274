"""Every engine of the simulator against the one event loop over actions that came before them, to the last bit."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import UsageError
from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import COMPUTE, SENDS
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import Message, add_transfers
from pipebench.timing.costs import Costs, MeasuredCosts, UniformCosts
from pipebench.timing.links import Link, Topology, latency_only
from pipebench.timing.simulator import DeadlockError, simulate
from pipebench.timing.timeline import Timeline
from tests.builders import GRID, PIPELINED, PROPERTY, graphs, plan_by_hand, plan_of
from tests.graphs import SHARED_GRID, branching_graphs, shared_graphs
from tests.timing import oracle

seeds = st.integers(0, 10**6)
LINKS = {
    "nothing": Link(),
    "latency": latency_only(0.3),
    "no time": latency_only(0.0),
    "ports": Link(0.4),
    "bandwidth": Link(0.1, 70.0),
    "slow": Link(3.0, 20.0),
    "overhead": Link(0.25, 50.0, overhead_s=0.1),
    "all overhead": Link(0.2, overhead_s=0.1),
    "overhead and no ports": Link(0.7, ports=False, overhead_s=0.15),
}


def size(message: Message) -> int:
    """Different for the messages of a pair of devices."""
    return 3 + 7 * message.producer.microbatch % 11 + 5 * message.consumer.stage


def outcome(run: Callable[..., Timeline], *arguments: Any, **options: Any) -> Any:
    """The timeline, or the words of its refusal."""
    try:
        return run(*arguments, **options)
    except DeadlockError as error:
        return str(error)


def in_any_order(timeline: Any) -> Any:
    """What happens at once may stand in any order; a refusal is itself."""
    if isinstance(timeline, str):
        return timeline
    return sorted(timeline.spans), sorted(timeline.transfers), sorted(timeline.other)


def assert_as_before(plan: Plan, costs: Costs, link: Link | Topology, **options: Any) -> Timeline | str:
    """The same spans, transfers and other work, or the same words; in the same order where ports are."""
    found, expected = (
        outcome(run, plan, costs, link, message_bytes=size, **options) for run in (simulate, oracle.simulate)
    )
    assert in_any_order(found) == in_any_order(expected)
    if isinstance(found, Timeline):
        assert_in_order(found)
    return found


def assert_in_order(timeline: Timeline) -> None:
    """By start; and whoever is sent something stands behind who sends it."""
    place = {span.action: number for number, span in enumerate(timeline.spans)}
    for items in (timeline.spans, timeline.transfers):
        starts = [item.start_s for item in items]
        assert starts == sorted(starts)
    spans = {span.action: span for span in timeline.spans}
    for message, ready, _, end in timeline.transfers:
        producer, consumer = spans.get(message.producer), spans.get(message.consumer)
        if producer and consumer and producer.end_s <= ready and end <= consumer.start_s:
            assert place[message.producer] < place[message.consumer]


def costs_of(graph: Graph, seed: int, kind: str) -> MeasuredCosts:
    """All different, all from a few round numbers, so that much happens at once, or many of them nothing."""
    random = Random(seed)
    draw = {
        "different": lambda: random.uniform(0.1, 3.0),
        "round": lambda: random.choice([0.5, 1.0, 2.0]),
        "mostly nothing": lambda: random.choice([0.0, 0.0, 0.0, 1.0]),
    }[kind]
    actions = list(graph.actions())
    return MeasuredCosts(
        {action: draw() for action in actions},
        before={device: draw() for device in range(graph.devices)} if seed % 2 else {},
        after={device: draw() for device in range(graph.devices)} if seed % 3 else {},
        gaps={action: draw() for action in random.sample(actions, len(actions) // 4)}
        if seed % 5 == 0
        else {},
    )


kinds = st.sampled_from(["different", "round", "mostly nothing"])


@pytest.mark.parametrize("name", LINKS)
def test_all_sizes_of_all_schedules(name: str) -> None:
    for number, (sizes, schedule) in enumerate(product(GRID[:: len(GRID) // 40], PIPELINED)):
        graph = Graph(*sizes)
        kind = ("different", "round", "mostly nothing")[number % 3]
        assert_as_before(SCHEDULES[schedule].plan(graph), costs_of(graph, number, kind), LINKS[name])


@pytest.mark.parametrize("name", LINKS)
def test_costs_that_are_all_alike(name: str) -> None:
    for sizes, schedule in product(GRID[:: len(GRID) // 20], PIPELINED):
        assert_as_before(SCHEDULES[schedule].plan(Graph(*sizes)), UniformCosts(1, 2), LINKS[name])


@pytest.mark.parametrize("name", LINKS)
def test_a_shared_softmax(name: str) -> None:
    for number, (devices, sharing, microbatches, chunks) in enumerate(SHARED_GRID[:: len(SHARED_GRID) // 30]):
        graph = graph_of(Shape(devices, sharing), microbatches, chunks)
        kind = ("different", "round", "mostly nothing")[number % 3]
        for schedule in ("gpipe", "1f1b-deep"):
            assert_as_before(SCHEDULES[schedule].plan(graph), costs_of(graph, number, kind), LINKS[name])


@PROPERTY
@given(shared_graphs | branching_graphs(), seeds, kinds, st.sampled_from(sorted(LINKS)), st.booleans())
def test_any_graph_in_segments_with_clips_and_halves(
    graph: Graph, seed: int, kind: str, name: str, blocking: bool
) -> None:
    assert_as_before(
        SCHEDULES["gpipe"].plan(graph), costs_of(graph, seed, kind), LINKS[name], blocking=blocking
    )


@PROPERTY
@given(graphs, st.sampled_from(PIPELINED), seeds, kinds, st.sampled_from(sorted(LINKS)))
def test_any_chain_with_blocking_messages(
    graph: Graph, schedule: str, seed: int, kind: str, name: str
) -> None:
    plan = SCHEDULES[schedule].plan(graph)
    assert_as_before(plan, costs_of(graph, seed, kind), LINKS[name], blocking=True)


@PROPERTY
@given(
    shared_graphs | branching_graphs() | graphs, seeds, kinds, st.sampled_from(sorted(LINKS)), st.randoms()
)
def test_links_of_two_kinds_between_hosts(
    graph: Graph, seed: int, kind: str, name: str, random: Random
) -> None:
    hosts = tuple(random.randrange(3) for _ in range(graph.devices))
    topology = Topology(hosts, LINKS[name], LINKS[random.choice(sorted(LINKS))])
    assert_as_before(SCHEDULES["gpipe"].plan(graph), costs_of(graph, seed, kind), topology)


@PROPERTY
@given(shared_graphs | branching_graphs() | graphs, seeds, kinds, st.booleans())
def test_messages_that_take_what_is_said(graph: Graph, seed: int, kind: str, blocking: bool) -> None:
    plan, costs = SCHEDULES["gpipe"].plan(graph), costs_of(graph, seed, kind)
    assert_as_before(
        plan, costs, LINKS["slow"], transfer_s=lambda message: size(message) / 9, blocking=blocking
    )


@PROPERTY
@given(
    shared_graphs | branching_graphs() | graphs, seeds, kinds, st.sampled_from(sorted(LINKS)), st.randoms()
)
def test_transfers_in_unusual_places(graph: Graph, seed: int, kind: str, name: str, random: Random) -> None:
    """Sends long after their results or before them, some of them left out or there twice; receives anywhere."""
    plan = moved(add_transfers(SCHEDULES["gpipe"].plan(graph)), random)
    assert_as_before(plan, costs_of(graph, seed, kind), LINKS[name])


def moved(plan: Plan, random: Random) -> Plan:
    """The plan with some of its transfers elsewhere on their device."""
    programs = []
    for program in plan.programs:
        actions = list(program)
        transfers = [action for action in actions if action.operation not in COMPUTE]
        for action in random.sample(transfers, min(len(transfers), random.choice([0, 1, 2, 5]))):
            if random.random() < 0.9 or action.operation not in SENDS:
                actions.remove(action)
            if random.random() < 0.95:
                actions.insert(random.randrange(len(actions) + 1), action)
        programs.append(tuple(actions))
    return Plan(plan.graph, tuple(programs))


@PROPERTY
@given(
    shared_graphs | branching_graphs() | graphs, seeds, kinds, st.sampled_from(sorted(LINKS)), st.randoms()
)
def test_plans_that_get_stuck(graph: Graph, seed: int, kind: str, name: str, random: Random) -> None:
    """Programs in an order that nothing has checked, or without some of their actions."""
    programs = []
    for program in SCHEDULES["gpipe"].plan(graph).programs:
        actions = list(program)
        for _ in range(random.choice([0, 1, 3])):
            actions.insert(random.randrange(len(actions)), actions.pop(random.randrange(len(actions))))
        programs.append(tuple(actions[: len(actions) - random.choice([0, 0, 0, 1])]))
    costs = costs_of(graph, seed, kind)
    for blocking in (False, True):
        assert_as_before(Plan(graph, tuple(programs)), costs, LINKS[name], blocking=blocking)


def test_the_order_in_which_ports_are_taken_is_that_of_the_events() -> None:
    for number, (sizes, schedule) in enumerate(product(GRID[:: len(GRID) // 30], PIPELINED)):
        plan = SCHEDULES[schedule].plan(Graph(*sizes))
        costs = costs_of(plan.graph, number, ("round", "mostly nothing")[number % 2])
        for name in ("ports", "bandwidth", "slow"):
            expected = oracle.simulate(plan, costs, LINKS[name], message_bytes=size)
            found = simulate(plan, costs, LINKS[name], message_bytes=size)
            in_turn = tuple(sorted(expected.spans, key=lambda span: span.start_s))  # gaps are over later
            assert found == replace(expected, spans=in_turn)


@pytest.mark.parametrize(
    ("inside", "across"), [(latency_only(0.5), Link(4.0)), (Link(4.0), latency_only(0.5))]
)
def test_a_message_without_ports_neither_waits_for_one_nor_frees_one(inside: Link, across: Link) -> None:
    """Devices 0 and 1 on a host, 2 on another; 1 sends to both and hears from both."""
    topology = Topology((0, 0, 1), inside, across)
    transfers = simulate(plan_of("1f1b", 3, 6), UniformCosts(1, 2), topology).transfers
    assert len(transfers) == 4 * 6
    free, held = (
        [t for t in transfers if topology.between(*t.message[2:]).ports is ports] for ports in (False, True)
    )
    assert all(t.start_s == t.ready_s and t.end_s == t.start_s + 0.5 for t in free)
    for end, device in product(("sender", "receiver"), range(3)):
        lane = sorted(t[1:] for t in held if getattr(t.message, end) == device)
        assert all(before[2] <= after[1] for before, after in pairwise(lane))


def test_a_send_of_what_nobody_needs_is_refused() -> None:
    plan = plan_by_hand(Graph(2, 1), "0F0 0SEND_B0 0B0", "1F0 1B0")
    with pytest.raises(UsageError, match="device 0 has no use for 0SEND_B0"):
        simulate(plan, UniformCosts(1, 2))


def test_split_backwards_of_a_chain() -> None:
    for number, sizes in enumerate(GRID[:: len(GRID) // 20]):
        graph = replace(Graph(*sizes), split_backward=True)
        for link in LINKS.values():
            assert_as_before(SCHEDULES["1f1b"].plan(graph), costs_of(graph, number, "round"), link)
