"""Recorded steps with a change, to be run again on paper.

A mean or median is taken over all recorded steps and replicas, so several replays are changed together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, median
from typing import NamedTuple

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
    """The steps with a change.

    Args:
        replays: recorded steps of one graph.
        change: the change to all of them.
        sizes: bytes of each message, for a link with a bandwidth.
        dilation: the record's time dilation: how many times slower its times are than those of the machine whose link
            is given.

    Raises:
        UsageError: The change names a link that no message takes, sizes are needed and not known, or ``others`` has no
            others.
    """
    if isinstance(change, LinkChange):
        return [_with_link(each, change, sizes, dilation) for each in replays]
    if change.rule is not None:
        return _made_equal(replays, change)
    return [_scaled(each, change) for each in replays]


def _scaled(replay: Replay, change: Change) -> Replay:
    """Make what is named take so many times as long; for a device that is all its work."""
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
    """A time of which a share takes so many times as long; exact to the last bit if the share is 0 or 1."""
    if share in (0.0, 1.0):
        return seconds * factor if share else seconds
    return seconds * (1 - share) + seconds * share * factor


class _Part(NamedTuple):
    """A slice of an action: the key of the slices that it is made equal to, and whether it is named."""

    key: _Key | None
    named: bool


class _Parts(dict[Action, list[_Part]]):
    """The parts of each action, found once, since the same actions come in every step."""

    def __init__(self, change: Change, graph: Graph) -> None:
        super().__init__()
        self.change, self.graph = change, graph
        self.known: dict[tuple[object, ...], list[_Part]] = {}  # by all fields but the microbatch
        every = change.of == "microbatch" and change.last - change.first + 1 == graph.microbatches
        self.any_microbatch = every or change.of not in ("microbatch", "chunk")

    def __missing__(self, action: Action) -> list[_Part]:
        self[action] = parts = self._of_any(action) if self.any_microbatch else self._of(action)
        return parts

    def _of_any(self, action: Action) -> list[_Part]:
        """The parts of an action, if they are the same for all microbatches."""
        like = *action[:2], *action[3:]
        if like not in self.known:
            self.known[like] = self._of(action)
        return self.known[like]

    def _of(self, action: Action) -> list[_Part]:
        if action.operation in REDUCTIONS:
            return [_Part(None, named=False)]
        return [
            _Part(_alike(self.change, self.graph, each), self.change.names(self.graph, each))
            for each in on_each_slice(self.graph, action)
        ]

    @property
    def named(self) -> dict[Action, list[_Part]]:
        """The actions so far of which any part is named, with their parts."""
        return {action: parts for action, parts in self.items() if any(part.named for part in parts)}


def _made_equal(replays: Sequence[Replay], change: Change) -> list[Replay]:
    graph = replays[0].plan.graph
    middle = median if change.rule == "median" else fmean
    parts = _Parts(change, graph)
    equal = {key: middle(seconds) for key, seconds in _samples(replays, parts).items()}
    named = parts.named
    if change.rule == "others":
        _check_there_are_others(graph, named, equal)
    return [
        replace(
            each,
            lengths={a: _equal_s(named[a], equal, s) if a in named else s for a, s in each.lengths.items()},
        )
        for each in replays
    ]


def _samples(replays: Sequence[Replay], parts: _Parts) -> dict[_Key, list[float]]:
    """For each key the seconds of all slices that count for its mean."""
    others = parts.change.rule == "others"
    samples: dict[_Key, list[float]] = defaultdict(list)
    for replay in replays:
        for action, each_s in replay.lengths.items():
            of_action = parts[action]
            for key, named in of_action:
                if key is not None and not (others and named):
                    samples[key].append(each_s / len(of_action))
    return samples


def _equal_s(parts: Sequence[_Part], equal: Mapping[_Key, float], each_s: float) -> float:
    """How long an action takes if its named slices are made equal."""
    share_s = each_s / len(parts)
    seconds = [equal.get(key, share_s) if named and key is not None else share_s for key, named in parts]
    return seconds[0] if len(seconds) == 1 else sum(seconds)


def _check_there_are_others(
    graph: Graph, named: Mapping[Action, Sequence[_Part]], equal: Mapping[_Key, float]
) -> None:
    """Check that each named slice has others of its kind that are not named.

    Raises:
        UsageError: It has none.
    """
    for action, parts in named.items():
        for each, part in zip(on_each_slice(graph, action), parts, strict=True):
            if part.named and part.key not in equal:
                raise UsageError(
                    f"others: {graph.text(each)} is the only one of its kind: there are no others"
                )


def _alike(change: Change, graph: Graph, action: Action) -> _Key:
    """The key of a slice; all slices with the same key are made equal."""
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
        if change.pair is None:
            raise UsageError("link: no message goes from device to device in this step")
        raise UsageError(
            f"link: devices {change.pair[0]} and {change.pair[1]} send each other nothing in this step"
        )
    if change.factor is not None:
        new = {message: replay.messages[message] * change.factor for message in there}
    else:
        if change.bytes_per_s is not None and sizes is None:
            raise UsageError("link: the record does not say how large its messages are: give only a latency")
        rate = change.bytes_per_s
        new = {
            message: dilation
            * ((change.latency_s or 0.0) + (sizes[message] / rate if rate and sizes else 0.0))
            for message in there
        }
    kept = 0.0 if change.factor is None else change.factor  # a new link has no overhead
    named = set(there)
    overheads = {end: s * kept if end[0] in named else s for end, s in replay.overheads.items()}
    return replace(replay, messages={**replay.messages, **new}, overheads=overheads)


def mean_step_s(replays: Iterable[Replay]) -> float:
    """The mean makespan of the steps, run again on paper, in seconds."""
    return fmean(each.again_s for each in replays)
