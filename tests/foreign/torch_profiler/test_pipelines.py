from collections.abc import Sequence

import pytest

from pipebench.errors import UsageError
from pipebench.foreign.torch_profiler.events import Group, Trace
from pipebench.foreign.torch_profiler.pipelines import Places, places_of

NONE: frozenset[int] = frozenset()


def trace(rank: int, world: int | None, *groups: Group) -> Trace:
    return Trace(f"{rank}.json", rank, world, groups, 0, ())


def places(world: int, stages: Sequence[set[int]], *groups: Group) -> Places:
    traces = [
        trace(rank, world, *(group for group in groups if rank in group.ranks)) for rank in range(len(stages))
    ]
    return places_of(traces, [frozenset(each) for each in stages])


def test_all_ranks_are_one_pipeline() -> None:
    found = places(3, [set()] * 3, Group("default_pg", [0, 1, 2]))
    assert found.places == [(0, 0), (0, 1), (0, 2)]
    assert not found.notices


@pytest.mark.parametrize("name", ["mesh_pp", "pp", "PP_GROUP", "pipeline", "pipe:0"])
def test_a_group_says_by_its_name_that_it_is_a_pipeline(name: str) -> None:
    groups = [
        Group("default_pg", [0, 1, 2, 3]),
        Group(name, [0, 2]),
        Group(name, [1, 3]),
        Group("mesh_dp", [0, 1]),
    ]
    found = places(4, [set()] * 4, *groups)
    assert found.places == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert not found.notices


def test_other_names_say_nothing() -> None:
    found = places(4, [set()] * 4, Group("mapped", [0, 1]), Group("copper", [2, 3]))
    assert found.places == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert "all ranks are taken as one" in found.notices[0]


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([{0, 2}, {1, 3}, {0, 2}, {1, 3}], [(0, 0), (0, 1), (1, 0), (1, 1)]),
        ([{0}, {0}, {1}, {1}], [(0, 0), (1, 0), (0, 1), (1, 1)]),
    ],
)
def test_ranks_with_the_same_stages_are_replicas(
    stages: Sequence[set[int]], expected: Sequence[tuple[int, int]]
) -> None:
    found = places(4, stages)
    assert found.places == expected
    assert "taken as replicas" in found.notices[0]


def test_one_whole_pipeline_of_several_is_enough() -> None:
    named = Group("mesh_pp", [1, 3])
    found = places_of([trace(3, 4, named), trace(1, 4, named)], [NONE, NONE])
    assert found.places == [(0, 1), (0, 0)]


@pytest.mark.parametrize(
    ("traces", "said"),
    [
        ([trace(0, 4), trace(1, 4), trace(3, 4)], "all 4 ranks, got 3: none of rank 2;"),
        ([trace(0, None), trace(2, None)], "all 3 ranks, got 2: none of rank 1;"),
        ([trace(0, 100)], "none of rank 1, 2, 3, 4, 5, 6, 7, 8, ...;"),
        ([trace(0, 2), trace(0, 2)._replace(path="b.json")], "two of rank 0: 0.json and b.json"),
        ([trace(0, 4, Group("pp", [0, 2])), trace(1, 4, Group("pp", [1, 3]))], "none of rank 2, 3;"),
    ],
)
def test_a_rank_that_is_missing_or_there_twice_is_told(traces: Sequence[Trace], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace(".", r"\.")):
        places_of(traces, [NONE] * len(traces))
