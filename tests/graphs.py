"""Graphs that are more than a chain: a softmax that devices share, and any stages beside a chain."""

from dataclasses import replace
from itertools import product

from hypothesis import strategies as st

from pipebench.models.layout import Shape, Sharing, graph_of
from pipebench.plan.graph import Graph

# Devices with layers, who shares the softmax, microbatches, chunks.
SHARED_GRID = (
    *product((1, 2, 3, 5, 8), ("all", 1, 2, 5), (1, 2, 5), (1,)),
    *product((1, 2, 4), ("all", 1, 3), (1, 3), (2, 4)),
)

_shapes = st.builds(
    Shape,
    st.integers(1, 8),
    st.sampled_from(["all", 1, 2, 3, 8]),
    segments=st.integers(1, 2),
    clips=st.booleans(),
    split_backward=st.just(False),  # else it is drawn too
)
shared_graphs = st.builds(graph_of, _shapes, st.integers(1, 6), st.integers(1, 4))


@st.composite
def branching_graphs(draw: st.DrawFn) -> Graph:
    """A chain with any stages beside it, each feeding any above, on any devices, at any costs, in any segments."""
    chain, beside = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stages = chain + beside
    feeds = [(stage + 1,) for stage in range(chain - 1)]
    for stage in range(chain - 1, stages):
        above = range(stage + 1, stages)
        feeds.append(tuple(sorted(draw(st.sets(st.sampled_from(above)) if above else st.just(set())))))
    drawn = draw(st.lists(st.integers(0, 4), min_size=stages, max_size=stages))
    numbers = {device: number for number, device in enumerate(dict.fromkeys(drawn))}
    segments = draw(st.integers(1, 3))
    return Graph(
        stages,
        draw(st.integers(1, 3)),
        segments * draw(st.integers(1, 3 if segments == 1 else 2)),
        device_of=tuple(numbers[device] for device in drawn),
        split_backward=draw(st.booleans()),
        feeds=tuple(feeds),
        chain=chain,
        work=tuple(draw(st.lists(st.sampled_from([0, 0.1, 1.0, 2.5]), min_size=stages, max_size=stages))),
        segments=segments,
        lives=tuple(
            tuple(sorted(draw(st.sets(st.integers(0, segments - 1), min_size=1)))) for _ in range(stages)
        ),
        clips=draw(st.booleans()),
    )


def shared(
    chain: int,
    sharing: Sharing,
    microbatches: int,
    chunks: int = 1,
    *,
    softmax: float = 1.0,
    split: bool = False,
) -> Graph:
    """Layers of cost 1, and a softmax of that cost in all; the loss is free."""
    shards = graph_of(Shape(chain, sharing), 1, 1).stages - chain - 1
    work = (*[1.0] * chain, *[softmax / shards] * shards, 0.0)
    return replace(graph_of(Shape(chain, sharing), microbatches, chunks, work), split_backward=split)
