"""The single changes that gain most: what one stage, device or link is worth to the step, by simulation. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from math import inf
from typing import TypeVar

from pipebench.errors import UsageError
from pipebench.plan.actions import REDUCTIONS
from pipebench.records.explanation import WhatIf
from pipebench.timing.changes import change_of
from pipebench.timing.links import LinkChange
from pipebench.timing.replay import Replay
from pipebench.timing.what_if import Sizes, changed, mean_step_s

BEST = 10
_MANY = 25_000  # actions: beyond that, simulating a change takes a tenth of a second or more
_LEAST_TRIED, _LEAST_OF_MANY = 20, 4
_MOST_ACTIONS = 500_000  # of all steps that are simulated; more take seconds
_FASTER, _HALF = 0.9, 0.5
_WORTH_IT = 1.005  # times as fast: less is not worth acting on
_Named = TypeVar("_Named", int, tuple[int, int])


@dataclass(frozen=True)
class Recorded:
    """Recorded steps of one graph, to be changed together; what was tried is not simulated again.

    Args:
        replays: one for each step.
        sizes: bytes of their messages, where they are known.
        dilation: how many times slower time runs here than on the machine that a link's figures are of.
        speedup: the measured one, where the run has a baseline.
        with_messages: the same steps with what messages took, for changes of links; empty if ``replays`` have that.
    """

    replays: Sequence[Replay]
    sizes: Sizes | None = None
    dilation: float = 1.0
    speedup: float | None = None
    with_messages: Sequence[Replay] = ()
    tried: dict[str, WhatIf] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def on_links(self) -> Sequence[Replay]:
        """The replays on which a change of a link is tried."""
        return self.with_messages or self.replays


def asked(step: Recorded, texts: Sequence[str]) -> list[WhatIf]:
    """What each change would make of the step.

    Args:
        step: what was recorded.
        texts: changes in words, see ``timing.changes``.

    Raises:
        UsageError: A change does not fit this step.
    """
    return [_what_if(step, text) for text in texts]


def best(step: Recorded) -> list[WhatIf]:
    """The ten changes that shorten the step most, the best first; none that does so by less than half a per cent.

    For a very large step only the busiest devices and stages, and the links with most on them, are tried.
    """
    found = []
    actions = sum(len(replay.lengths) for replay in step.replays)
    least = _LEAST_TRIED if actions <= _MANY else _LEAST_OF_MANY
    most = max(least, _MOST_ACTIONS // actions)
    for text in islice(_candidates(step), most):
        try:
            found.append(_what_if(step, text))
        except UsageError:  # a link that nothing crosses
            continue
    worth = [each for each in found if each.gain is None or each.gain >= _WORTH_IT]
    return sorted(worth, key=lambda each: -inf if each.gain is None else -each.gain)[:BEST]


def _candidates(step: Recorded) -> Iterator[str]:
    """Equal stages and slices and free messages; then each device, stage and link by itself, the busiest first."""
    graph = step.replays[0].plan.graph
    yield from ("stages = mean", "microbatches = mean")
    if any(any(replay.messages.values()) for replay in step.on_links):
        yield "link = 0 s"
    if graph.chunks > 1:
        yield "chunks = mean"
    devices: dict[int, float] = defaultdict(float)
    stages: dict[int, float] = defaultdict(float)
    links: dict[tuple[int, int], float] = defaultdict(float)
    for action, each_s in (each for replay in step.replays for each in replay.lengths.items()):
        if action.operation not in REDUCTIONS:
            devices[graph.device(action)] += each_s
            if action.stage < graph.chain:  # pieces of a softmax were made equal when they were cut
                stages[action.stage] += each_s
    for message, each_s in (each for replay in step.on_links for each in replay.messages.items()):
        links[min(message.sender, message.receiver), max(message.sender, message.receiver)] += each_s
    crossed = {pair: each_s for pair, each_s in links.items() if each_s}
    in_turn = zip_longest(
        (f"device {device} x {_FASTER}" for device in _busiest(devices)),
        (f"stage {stage} = mean" for stage in _busiest(stages)),
        (f"link {low}-{high} x {_HALF}" for low, high in _busiest(crossed)),
    )
    yield from (text for texts in in_turn for text in texts if text is not None)


def _busiest(seconds: Mapping[_Named, float]) -> list[_Named]:
    return sorted(seconds, key=lambda each: -seconds[each])


def _what_if(step: Recorded, text: str) -> WhatIf:
    if text not in step.tried:
        step.tried[text] = _simulated(step, text)
    return step.tried[text]


def _simulated(step: Recorded, text: str) -> WhatIf:
    change = change_of(text, step.replays[0].plan.graph)
    before = step.on_links if isinstance(change, LinkChange) else step.replays
    step_s = mean_step_s(changed(before, change, sizes=step.sizes, dilation=step.dilation))
    before_s = mean_step_s(before)
    gain = before_s / step_s if step_s else None
    speedup = None if gain is None or step.speedup is None else gain * step.speedup
    return WhatIf(change=text, step_s=step_s, gain=gain, speedup=speedup, before_s=before_s)
