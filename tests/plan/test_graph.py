import re
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from pipebench.errors import UsageError
from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph

F, B = Operation.FORWARD, Operation.BACKWARD
INPUT, WEIGHT = Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT


# two stages in a chain feed two shards, and those the loss
SHARED = Graph(5, 2, 3, device_of=(0, 1, 0, 1, 0), feeds=((1,), (2, 3), (4,), (4,), ()), chain=2)


def test_every_action_stands_in_the_graph_once() -> None:
    actions = list(Graph(3, 4, 5).actions())
    assert len(actions) == len(set(actions)) == 2 * 3 * 4 * 5
    assert len(set(Graph(3, 4, 5, split_backward=True).actions())) == 3 * 3 * 4 * 5


def test_operations_follow_the_form_of_the_backward() -> None:
    assert Graph(1, 1).operations == (F, B)
    assert Graph(1, 1, split_backward=True).operations == (F, INPUT, WEIGHT)


def test_a_stage_runs_on_the_device_of_its_number_by_default() -> None:
    graph = Graph(3, 1)
    assert graph.device_of == (0, 1, 2)
    assert graph.devices == 3
    assert graph.last_stage == 2
    assert graph.device(Action(F, 2, 0)) == 2


def test_several_stages_may_share_a_device() -> None:
    graph = Graph(4, 1, device_of=(0, 1, 0, 1))
    assert graph.devices == 2
    assert graph.last_stage == 3
    assert graph.stages_of(0) == (0, 2)
    assert graph.stages_of(1) == (1, 3)
    assert graph.device(Action(B, 2, 0)) == 0


def test_text_shows_chunks_only_where_there_are_some() -> None:
    assert Graph(1, 1, 1).text(Action(F, 0, 0)) == "0F0"
    assert Graph(1, 1, 2).text(Action(F, 0, 0)) == "0F0.0"


@pytest.mark.parametrize("name", ["stages", "microbatches", "chunks"])
@pytest.mark.parametrize("value", [0, -3])
def test_a_size_below_one_is_refused_by_its_name(name: str, value: int) -> None:
    sizes = {"stages": 1, "microbatches": 1, "chunks": 1} | {name: value}
    with pytest.raises(UsageError, match=f"{name} must be at least 1, got {value}"):
        Graph(**sizes)


@pytest.mark.parametrize(
    ("device_of", "message"),
    [
        ((0,), "expected a device for each of 2 stages, got 1"),
        ((0, 1, 2), "expected a device for each of 2 stages, got 3"),
        ((0, 2), r"without gaps, got \(0, 2\)"),
        ((1, 1), r"without gaps, got \(1, 1\)"),
        ((-1, 0), r"without gaps, got \(-1, 0\)"),
    ],
)
def test_devices_that_do_not_fit_the_stages_are_refused(device_of: tuple[int, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Graph(2, 1, device_of=device_of)


def test_stages_form_a_chain_of_equal_work_by_default() -> None:
    graph = Graph(3, 2)
    assert graph.feeds == ((1,), (2,), ())
    assert (graph.chain, graph.is_chain, graph.work) == (3, True, (1.0, 1.0, 1.0))
    assert graph == Graph(3, 2, device_of=(0, 1, 2), feeds=((1,), (2,), ()), chain=3, work=(1.0, 1.0, 1.0))
    assert Graph(1, 1).feeds == ((),)
    assert [graph.fed_by(stage) for stage in range(3)] == [(), (0,), (1,)]


def test_the_chain_alone_is_a_graph_without_what_is_beside_it() -> None:
    halves = replace(SHARED, split_backward=True)
    assert SHARED.chain_alone == Graph(2, 2, 3)
    assert halves.chain_alone == Graph(2, 2, 3, split_backward=True)
    assert not SHARED.is_chain
    same = Graph(4, 2, device_of=(0, 1, 0, 1))
    assert same.chain_alone is same
    two_each = Graph(5, 1, device_of=(0, 1, 0, 1, 1), feeds=((1,), (2,), (3,), (4,), ()), chain=4)
    assert two_each.chain_alone == Graph(4, 1, device_of=(0, 1, 0, 1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"feeds": ((2, 1), (2,), ())}, r"from 1 to 2 for stage 0, got \(2, 1\)"),
        ({"feeds": ((1, 1), (2,), ())}, r"from 1 to 2 for stage 0, got \(1, 1\)"),
        ({"feeds": ((1,), (1,), ())}, r"from 2 to 2 for stage 1, got \(1,\)"),
        ({"feeds": ((1,), (0, 2), ())}, r"from 2 to 2 for stage 1, got \(0, 2\)"),
        ({"feeds": ((1,), (2, 3), ())}, r"from 2 to 2 for stage 1, got \(2, 3\)"),
        ({"feeds": ((1,), (-1,), ())}, r"for stage 1, got \(-1,\)"),
        ({"feeds": ((1,), (2,), (3,))}, r"for stage 2, got \(3,\)"),
        ({"feeds": ((1, 2), (2,), ())}, r"stage 0 of the chain feeds 1 alone, got \(1, 2\)"),
        ({"feeds": ((1,), (), ())}, r"stage 1 of the chain feeds 2 alone, got \(\)"),
        ({"feeds": ((1,), (2, 3), (3,), ())}, "expected the stages fed for each of 3 stages, got 4"),
        ({"feeds": ((1,), ())}, "expected the stages fed for each of 3 stages, got 2"),
        ({"work": (1.0, 1.0)}, "expected a cost for each of 3 stages, got 2"),
        ({"work": (1.0, -1.0, 1.0)}, r"at least 0, got \(1.0, -1.0, 1.0\)"),
        ({"work": (1.0, nan, 1.0)}, "a finite number, at least 0"),
        ({"work": (1.0, inf, 1.0)}, "a finite number, at least 0"),
        ({"device_of": (0, 1)}, "expected a device for each of 3 stages, got 2"),
        ({"chain": 4}, "expected a chain of 1 to 3 stages, got 4"),
        ({"chain": -1}, "expected a chain of 1 to 3 stages, got -1"),
    ],
)
def test_what_is_no_graph_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Graph(3, 1, **given)


def test_thousands_of_stages_side_by_side_are_told_apart_at_once() -> None:
    """A table of every stage by every neighbour would have a hundred million entries."""
    width = 9_990
    graph = Graph(
        width + 2,
        1,
        feeds=(tuple(range(1, width + 1)), *[(width + 1,)] * width, ()),
        chain=1,
        device_of=(0,) * (width + 2),
    )
    assert sum(len(inputs_of(graph, action)) for action in graph.actions()) == 4 * width + width + 2


TWO_SEGMENTS = Graph(
    stages=4,
    microbatches=2,
    chunks=4,
    feeds=((1,), (2, 3), (3,), ()),
    chain=2,
    segments=2,
    lives=((0, 1), (0, 1), (1,), (1,)),
    clips=True,
)


def test_a_stage_has_actions_only_in_the_segments_that_it_lives_in() -> None:
    actions = [action for action in TWO_SEGMENTS.actions() if action.operation not in REDUCTIONS]
    assert (
        {action.chunk for action in actions if action.stage == 2} == {2, 3} == set(TWO_SEGMENTS.chunks_of(2))
    )
    assert len(actions) == 2 * 2 * (2 * 4 + 2 * 2)
    assert (TWO_SEGMENTS.chunks_each, [TWO_SEGMENTS.segment_of(c) for c in range(4)]) == (2, [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"chunks": 3, "segments": 2}, "2 segments of time: expected as many chunks each, got 3 in all"),
        ({"segments": 0}, "segments must be at least 1, got 0"),
        ({"chunks": 2, "segments": 2, "lives": ((0,),)}, "expected segments for each of 2 stages, got 1"),
        ({"chunks": 2, "segments": 2, "lives": ((0,), ())}, "expected some of 0 to 1 for stage 1, got ()"),
        ({"chunks": 2, "segments": 2, "lives": ((0,), (1, 0))}, "lowest first"),
        (
            {"chunks": 2, "segments": 2, "lives": ((0,), (2,))},
            "expected some of 0 to 1 for stage 1, got (2,)",
        ),
    ],
)
def test_segments_that_make_no_sense_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        Graph(**{"stages": 2, "microbatches": 1, **given})
