"""Recorded steps with a change, run again on paper.

What is made equal takes the mean (or median) over all recorded steps and replicas, so several replays go together.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, median

from pipebench.errors import UsageError
from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.cells import on_each_slice
from pipebench.plan.graph import Graph
from pipebench.plan.transfers import Message
from pipebench.timing.changes import Change
from pipebench.timing.links import LinkChange
from pipebench.timing.replay import Replay

Sizes = Mapping[Message, int]
_Key = tuple[object, ...]


def changed(
    replays: Sequence[Replay],
    change: Change | LinkChange,
    *,
    sizes: Sizes | None = None,
    dilation: float = 1.0,
) -> list[Replay]:
    """The steps as they would be.

    Args:
        replays: of one graph.
        change: to all of them.
        sizes: bytes of each message, for a link with a bandwidth.
        dilation: how many times slower time runs here than on the machine that a link's figures are of.

    Raises:
        UsageError: It names a link that no message takes, or sizes are needed and not known.
    """
    if isinstance(change, LinkChange):
        return [_with_link(each, change, sizes, dilation) for each in replays]
    if change.rule is not None:
        return _made_equal(replays, change)
    return [_scaled(each, change) for each in replays]


def _scaled(replay: Replay, change: Change) -> Replay:
    """What is named takes so many times as long; a device with all that it does."""
    graph, factor = replay.plan.graph, change.factor

    def scaled(seconds: Mapping[Action, float]) -> dict[Action, float]:
        return {a: _part_scaled(s, factor, change.share(graph, a)) for a, s in seconds.items()}

    def around(seconds: Mapping[int, float]) -> dict[int, float]:
        named = change.of == "device"
        return {
            device: s * factor if named and change.first <= device <= change.last else s
            for device, s in seconds.items()
        }

    return replace(
        replay,
        lengths=scaled(replay.lengths),
        overheads={
            end: s * factor if change.of == "device" and change.names(graph, end[1]) else s
            for end, s in replay.overheads.items()
        },
        before=around(replay.before),
        after=around(replay.after),
    )


def _part_scaled(seconds: float, factor: float, share: float) -> float:
    """A share of a time so many times as long; of all or nothing of it to the last bit."""
    if share in (0.0, 1.0):
        return seconds * factor if share else seconds
    return seconds * (1 - share) + seconds * share * factor


def _made_equal(replays: Sequence[Replay], change: Change) -> list[Replay]:
    graph = replays[0].plan.graph
    middle = median if change.rule == "median" else fmean
    equal = {key: middle(seconds) for key, seconds in _samples(replays, change).items()}
    slices = _by_slice(graph, replays[0].lengths)
    alone = next((each for each, _ in slices if _has_no_others(change, graph, each, equal)), None)
    if alone is not None:
        raise UsageError(f"others: {graph.text(alone)} is the only one of its kind: there are no others")
    return [
        replace(each, lengths={a: _equal_s(change, graph, equal, a, s) for a, s in each.lengths.items()})
        for each in replays
    ]


def _samples(replays: Sequence[Replay], change: Change) -> dict[_Key, list[float]]:
    """What each kind of action took on a slice, wherever it counts."""
    graph = replays[0].plan.graph
    samples: dict[_Key, list[float]] = defaultdict(list)
    for replay in replays:
        for action, each_s in _by_slice(graph, replay.lengths):
            if action.operation not in REDUCTIONS and not (
                change.rule == "others" and change.names(graph, action)
            ):
                samples[_alike(change, graph, action)].append(each_s)
    return samples


def _equal_s(
    change: Change, graph: Graph, equal: Mapping[_Key, float], action: Action, each_s: float
) -> float:
    """How long an action takes if what is named of it is made equal."""
    if action.slices == 1:
        if action.operation in REDUCTIONS or not change.names(graph, action):
            return each_s
        return equal.get(_alike(change, graph, action), each_s)
    if not change.share(graph, action):
        return each_s
    return sum(_equal_s(change, graph, equal, *part) for part in _by_slice(graph, {action: each_s}))


def _by_slice(graph: Graph, lengths: Mapping[Action, float]) -> Iterator[tuple[Action, float]]:
    """Each action on each of its slices by itself, with its even share of the time."""
    for action, each_s in lengths.items():
        slices = on_each_slice(graph, action)
        yield from ((each, each_s / len(slices)) for each in slices)


def _has_no_others(change: Change, graph: Graph, action: Action, equal: Mapping[_Key, float]) -> bool:
    named = action.operation not in REDUCTIONS and change.names(graph, action)
    return named and _alike(change, graph, action) not in equal


def _alike(change: Change, graph: Graph, action: Action) -> _Key:
    """What an action is made equal to: all that have the same key."""
    if change.of == "microbatch":
        return action.operation, action.stage, action.chunk
    segment = graph.segment_of(action.chunk)
    if change.of == "chunk":
        return action.operation, action.stage, segment, action.microbatch
    of_kind = action.operation, _kind_of_stage(graph, action.stage)
    return *of_kind, segment if change.of == "all" else action.chunk


def _kind_of_stage(graph: Graph, stage: int) -> str:
    if stage < graph.chain:
        return "layers"
    return "loss" if stage == graph.last_stage else "shard"


def _with_link(replay: Replay, change: LinkChange, sizes: Sizes | None, dilation: float) -> Replay:
    there = [message for message in replay.messages if change.concerns(message.sender, message.receiver)]
    if not there:
        devices = "no device" if change.pair is None else f"devices {change.pair[0]} and {change.pair[1]}"
        raise UsageError(f"link: {devices} send each other nothing in this step")
    if change.factor is not None:
        new = {message: replay.messages[message] * change.factor for message in there}
    else:
        if change.bytes_per_s is not None and sizes is None:
            raise UsageError("link: the record does not say how large its messages are: give a latency alone")
        rate = change.bytes_per_s
        new = {
            message: dilation
            * ((change.latency_s or 0.0) + (sizes[message] / rate if rate and sizes else 0.0))
            for message in there
        }
    kept = 0.0 if change.factor is None else change.factor  # a new link costs its ends nothing
    named = set(there)
    overheads = {end: s * kept if end[0] in named else s for end, s in replay.overheads.items()}
    return replace(replay, messages={**replay.messages, **new}, overheads=overheads)


def mean_step_s(replays: Iterable[Replay]) -> float:
    """The mean makespan of steps run again, in seconds."""
    return fmean(each.again_s for each in replays)
