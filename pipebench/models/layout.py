"""The layout of a model on devices: which part each stage has, where it stands, and what it feeds. Pure.

    a chain                 0 -> 1 -> 2 -> 3                        the last one has the head and the loss

    its softmax shared      0 -> 1 -> 2 -> 3 -> 4, 5, 6, 7 -> 8     the last layers feed every shard, and each shard
                                                                    feeds the loss

Where these stages stand, on 4 devices:

    one shard on each device of the chain       shards on 2 devices of their own

    device    0   1   2   3                     device    0   1   2   3
    layers    0   1   2   3                     layers    0   1
    shards    4   5   6   7                     shards            2   3
    loss          8                             loss              4

The loss stands on the middle one of the devices that have a shard. On a chain, the first device has the embedding too,
and the last one adds up the gradients of all shards.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

from pipebench.errors import UsageError
from pipebench.models.edges import Edges
from pipebench.models.outline import Outline, Slice
from pipebench.models.shards import Pieces, shared_rows
from pipebench.plan.graph import MOST_STAGES, Graph

_LEAST_SHARE = 0.25  # of an even share
_OPERATIONS = 3  # of a slice: a forward, and a backward that takes about twice as long
Sharing = int | Literal["all"] | None  # how many more devices share the softmax, or all of the chain's


class Layout(NamedTuple):
    """For each stage its part, its device and the stages that it feeds; the first ``chain`` stages have the layers."""

    parts: tuple[Slice, ...]
    device_of: tuple[int, ...]
    feeds: tuple[tuple[int, ...], ...]
    chain: int

    @property
    def devices(self) -> int:
        """How many there are."""
        return max(self.device_of) + 1

    def parts_on(self, device: int) -> list[Slice]:
        """What a device has, the layers first."""
        return [part for part, owner in zip(self.parts, self.device_of, strict=True) if owner == device]

    def text(self, outline: Outline, device: int) -> str:
        """What a device has, in words."""
        return " + ".join(outline.text(part) for part in self.parts_on(device))

    def texts(self, outline: Outline) -> list[str]:
        """What each device has."""
        return [self.text(outline, device) for device in range(self.devices)]

    def pieces(self, outline: Outline) -> Pieces:
        """The rows of each of the head's parameters that the shards have; empty if the head is not shared."""
        rows = [part.rows for part in self.parts if part.rows is not None]
        return dict.fromkeys(outline.head_parameters, rows) if rows else {}


def stage_slices(partition: Sequence[int]) -> tuple[Slice, ...]:
    """The slice of the model for each stage of a chain."""
    ends = list(accumulate(partition))
    last = len(ends) - 1
    return tuple(
        Slice(first, end, opens=stage == 0, closes=stage == last)
        for stage, (first, end) in enumerate(pairwise([0, *ends]))
    )


def chain_layout(partition: Sequence[int]) -> Layout:
    """The layout of a chain: one stage on each device, each feeding the next."""
    return layout_of(partition, None, None)


class Shape(NamedTuple):
    """The facts of a model and its partition that its graph depends on.

    ``chain`` stages have layers, each on a device of its own. ``sharing`` says which devices have the head. Time has
    ``segments`` segments. ``clips``: the norm of all gradients is computed. ``lone_head``: the last stage has the head
    and no layers. ``split_backward``: a backward is two actions, as some schedules need it.
    """

    chain: int
    sharing: Sharing = None
    segments: int = 1
    clips: bool = False
    lone_head: bool = False
    split_backward: bool = False


def shape_of(outline: Outline, partition: Sequence[int], sharing: Sharing = None) -> Shape:
    """The shape of a model's graph."""
    return Shape(len(partition), sharing, outline.segments, outline.clips, lone_head=partition[-1] == 0)


def layout_of(
    partition: Sequence[int], head_rows: int | None, sharing: Sharing, weights: Sequence[float] = ()
) -> Layout:
    """The layout of a model.

    Args:
        partition: its layers by stage of the chain.
        head_rows: outputs of its head.
        sharing: which devices have the head: the last one of the chain, so many more devices, or all of the chain's.
        weights: of the shards, by default equal.
    """
    graph = graph_of(Shape(len(partition), sharing), 1, 1)
    parts = stage_slices(partition)
    if sharing is not None:
        assert head_rows is not None, "options of models without such a head are refused"
        layers, shards = parts[-1].end, graph.stages - len(parts) - 1
        parts = (
            *parts[:-1],
            parts[-1]._replace(closes=False),
            *(
                Slice(layers, layers, False, False, rows)
                for rows in shared_rows(head_rows, weights or [1.0] * shards)
            ),
            Slice(layers, layers, opens=False, closes=True, joins=shards),
        )
    return Layout(parts, graph.device_of, graph.feeds, graph.chain)


def shard_weights(
    outline: Outline, partition: Sequence[int], microbatches: int, chunks: int, *, only_fills: bool = False
) -> list[float]:
    """The weight of each device's shard, where all devices of a chain share the softmax.

    The shards make the devices' work equal, by computed operations, but no device gets less than a quarter of an even
    share. The last device is counted with one slice's work more than it has. When the forwards turn into backwards all
    others wait for it, so its work is on the longest path of the step, and the device before it has time to spare: that
    of a slice's forward and backward.

    ``only_fills``: devices wait only while the pipeline fills. Then a device that begins later gets less: its own work
    is counted with a slice's forward on each earlier device added.
    """
    *before, last = stage_slices(partition)
    work = [outline.step_s(part, 1.0) for part in (*before, last._replace(closes=False))]
    slices = microbatches * chunks
    if only_fills:
        forwards = [each / _OPERATIONS / slices for each in work]
        work = [each + sum(forwards[:number]) for number, each in enumerate(work)]
    elif before:
        work[-1] *= 1 + 1 / slices
    whole = outline.step_s(Slice(last.end, last.end, opens=False, closes=True), 1.0)
    return _levelled(work, whole, _LEAST_SHARE * whole / len(work))


def _levelled(levels: Sequence[float], more: float, least: float) -> list[float]:
    """How much of ``more`` each level gets, so that the levels become equal; each gets at least ``least``."""
    lifted = set(range(len(levels)))  # those that get more than the least
    while True:
        common = (more - least * (len(levels) - len(lifted)) + sum(levels[n] for n in lifted)) / len(lifted)
        above = {number for number in lifted if common - levels[number] < least}
        if not above:
            return [common - level if n in lifted else least for n, level in enumerate(levels)]
        lifted -= above


def chain_of(devices: int, sharing: Sharing) -> int:
    """How many of the devices have layers."""
    return devices - sharing if isinstance(sharing, int) else devices


def graph_of(shape: Shape, microbatches: int, chunks: int, work: tuple[float, ...] = ()) -> Graph:
    """The graph of a step, for a model of this shape.

    Args:
        shape: of the model's graph.
        microbatches: slices of the batch.
        chunks: slices of each segment of time.
        work: the cost of each stage's forward, in any unit.
    """
    chain, sharing = shape.chain, shape.sharing
    shards = 0 if sharing is None else chain if sharing == "all" else sharing
    if shards and chain + shards + 1 > MOST_STAGES:  # refused before lists of this length are made
        raise UsageError(
            f"expected at most {MOST_STAGES:,} stages, got {chain} with layers, {shards} with a piece of the softmax, "
            "and the loss"
        )
    always, last = tuple(range(shape.segments)), (shape.segments - 1,)
    if shape.segments == 1:
        lives: tuple[tuple[int, ...], ...] = ()  # no list: the graph may refuse so many stages
    else:
        lives = (*(always for _ in range(chain - 1)), last if shape.lone_head else always)
    cut = (microbatches, shape.segments * chunks)
    if sharing is None:
        return Graph(
            chain,
            *cut,
            split_backward=shape.split_backward,
            segments=shape.segments,
            lives=lives,
            clips=shape.clips,
        )
    devices = range(chain) if sharing == "all" else range(chain, chain + shards)
    loss = chain + shards
    return Graph(
        loss + 1,
        *cut,
        device_of=(*range(chain), *devices, devices[(len(devices) - 1) // 2]),
        split_backward=shape.split_backward,
        feeds=(
            *((stage + 1,) for stage in range(chain - 1)),
            tuple(range(chain, loss)),
            *((loss,) for _ in devices),
            (),
        ),
        chain=chain,
        work=work,
        segments=shape.segments,
        lives=lives and (*lives, *(last for _ in range(shards + 1))),
        clips=shape.clips,
    )


def edges_of(outline: Outline, layout: Layout, microbatches: int, chunks: int) -> Edges:
    """The edge from each stage to each stage that it feeds.

    Args:
        outline: of the model.
        layout: of the model.
        microbatches: slices of the batch.
        chunks: slices of each segment of time.
    """
    return {
        (stage, fed): outline.edge(layout.parts[stage], microbatches, chunks)
        for stage, all_fed in enumerate(layout.feeds)
        for fed in all_fed
    }
