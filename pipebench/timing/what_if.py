"""Recorded steps with a change, run again on paper.

What is made equal takes the mean (or median) over all recorded steps and replicas, so several replays go together.
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


class _Part(NamedTuple):
    """A slice of an action: what it is made equal to, and whether it is one of those that are named."""

    key: _Key | None
    named: bool


class _Parts(dict[Action, list[_Part]]):
    """Of each action, found once: the same ones come in every step."""

    def __init__(self, change: Change, graph: Graph) -> None:
        super().__init__()
        self.change, self.graph = change, graph
        self.known: dict[tuple[object, ...], list[_Part]] = {}  # by all of an action but its microbatch
        every = change.of == "microbatch" and change.last - change.first + 1 == graph.microbatches
        self.any_microbatch = every or change.of not in ("microbatch", "chunk")

    def __missing__(self, action: Action) -> list[_Part]:
        self[action] = parts = self._of_any(action) if self.any_microbatch else self._of(action)
        return parts

    def _of_any(self, action: Action) -> list[_Part]:
        """The same for all microbatches."""
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
        """Of the actions that came so far, those of which anything is named."""
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
    """What each kind of action took on a slice, wherever it counts."""
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
    """How long an action takes if what is named of it is made equal."""
    share_s = each_s / len(parts)
    seconds = [equal.get(key, share_s) if named and key is not None else share_s for key, named in parts]
    return seconds[0] if len(seconds) == 1 else sum(seconds)


def _check_there_are_others(
    graph: Graph, named: Mapping[Action, Sequence[_Part]], equal: Mapping[_Key, float]
) -> None:
    """Of each kind that is named there are some that are not.

    Raises:
        UsageError: There are none.
    """
    for action, parts in named.items():
        for each, part in zip(on_each_slice(graph, action), parts, strict=True):
            if part.named and part.key not in equal:
                raise UsageError(
                    f"others: {graph.text(each)} is the only one of its kind: there are no others"
                )


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
        if change.pair is None:
            raise UsageError("link: no device sends another one anything in this step")
        raise UsageError(
            f"link: devices {change.pair[0]} and {change.pair[1]} send each other nothing in this step"
        )
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
