"""What it costs and gains on paper that the shards and the loss go first, or the chain."""

import pytest

from pipebench.plan.check import activations_alive
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.schedules.placing import placed
from pipebench.timing.costs import SoftmaxCosts, UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from tests.graphs import shared


def bound_s(devices: int, slices: int, softmax: float) -> float:
    """A forward of 1 and a backward of 2, through all devices once, and on one device for all slices."""
    return 3.0 * (devices - 1) + 3.0 * slices * (1 + softmax / devices)


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
@pytest.mark.parametrize("softmax", [0.5, 1.0, 2.0, 8.0])
@pytest.mark.parametrize(
    ("name", "microbatches", "chunks"), [("gpipe", 16, 1), ("gpipe", 8, 1), ("wavefront", 4, 8)]
)
def test_a_softmax_that_all_share_costs_its_share_and_no_more(
    name: str, microbatches: int, chunks: int, devices: int, softmax: float
) -> None:
    """All devices together are as fast as one that is 1 / devices of the step and the ramp up and down."""
    graph = shared(devices, "all", microbatches, chunks, softmax=softmax)
    timeline = simulate(SCHEDULES[name].plan(graph), SoftmaxCosts(UniformCosts(1, 2), softmax, graph))
    bound = bound_s(devices, microbatches * chunks, softmax)
    assert timeline.makespan_s == pytest.approx(bound, rel=0.01)
    assert timeline.makespan_s > bound * (1 - 1e-12)


def slower_and_fuller(graph: Graph, name: str, softmax: float, message_s: float = 0.0) -> tuple[float, float]:
    """What the chain first takes and keeps over what the rest first does."""
    chain = SCHEDULES[name].plan(graph.chain_alone)
    costs = SoftmaxCosts(UniformCosts(1, 2), softmax, graph)
    took, kept = [], []
    for rest_first in (False, True):
        plan = placed(graph, chain, rest_first=rest_first)
        took.append(simulate(plan, costs, latency_only(message_s)).makespan_s)
        kept.append(max(map(activations_alive, plan.programs)))
    return took[0] / took[1], kept[0] / kept[1]


@pytest.mark.parametrize(
    ("name", "microbatches", "chunks", "devices", "slower", "fuller"),
    [
        ("gpipe", 16, 1, 8, 75.625 / 72, 32 / 19),
        ("gpipe", 16, 1, 4, 65.25 / 63, 33 / 19),
        ("wavefront", 4, 8, 8, 129.1875 / 123, 63 / 35),
        ("wavefront", 4, 8, 4, 117.875 / 117.125, 63 / 35),
        ("gpipe", 4, 1, 3, 7 / 6, 9 / 6),
        ("1f1b", 16, 1, 4, 148.125 / 106.125, 1.0),
    ],
)
def test_what_it_gains_that_the_rest_goes_first(
    name: str, microbatches: int, chunks: int, devices: int, slower: float, fuller: float
) -> None:
    softmax = 1.0 if devices == 3 else 0.5
    graph = shared(devices, "all", microbatches, chunks, softmax=softmax)
    assert slower_and_fuller(graph, name, softmax) == pytest.approx((slower, fuller), rel=1e-9)


def test_the_chain_first_is_never_faster_while_messages_are_short_and_somewhat_where_they_are_long() -> None:
    short, long = [], []
    for devices in (2, 3, 4, 8):
        for softmax in (0.25, 1.0, 4.0):
            for microbatches in (1, 2, 3, 4, 8):
                graph = shared(devices, "all", microbatches, softmax=softmax)
                short.append(slower_and_fuller(graph, "gpipe", softmax)[0])
                long.append(slower_and_fuller(graph, "gpipe", softmax, message_s=0.5)[0])
    assert min(short) == pytest.approx(1.0, rel=1e-12)
    assert 1.1 < max(short) < 1.17
    assert 0.93 < min(long) < 0.97
