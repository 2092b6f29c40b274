"""A change to a recorded step, in words: what if a stage, a device, a slice or a link took another time?

    all = mean              stage 7 = mean         device 3 x 0.9       microbatches = mean
    stages 4-7 = median     microbatch 0 = others  chunk 2 x 1.5        link x 0.5
    link 3-4 = 1 GB/s, 50 us

``x`` multiplies time. ``= mean`` gives every F and every B (I, W) of what is named a mean length. Which mean that is
depends on what is named:

    a stage or a device   over all stages of the same kind, in the same chunk, since later chunks may have more to do
    all                   over all stages of the same kind and all chunks of the same segment of time
    a microbatch          over all microbatches of the same stage and chunk
    a chunk               over all chunks of the same stage, microbatch and segment of time

``= median`` takes the median instead, ``= others`` the mean without what is named. All recorded steps and replicas
count. The time of a cell is shared out evenly over its slices, and only the shares of named slices change.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from pipebench.errors import UsageError
from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.cells import on_each_slice
from pipebench.plan.graph import Graph
from pipebench.timing.link_texts import link_change
from pipebench.timing.links import LinkChange

Of = Literal["all", "stage", "device", "microbatch", "chunk"]
Rule = Literal["mean", "median", "others"]

GRAMMAR = (
    "WHAT = mean, WHAT = median, WHAT = others or WHAT x FACTOR, where WHAT is all, stages, devices, microbatches, "
    "chunks or some of them, such as stage 7 or devices 2-3; or link x 0.5, link 3-4 = 1 GB/s, 50 us"
)
_SHOWN = 80
_MOST_FACTOR = 1e9
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_WORDS = re.compile(
    r"(all|stage|device|gpu|microbatch|chunk)((?<=h)es|(?<!h)s)?(?:\s+(\d{1,9})(?:\s*-\s*(\d{1,9}))?)?\s*"
    r"(?:=\s*(mean|median|others)|[x\u00d7*]\s*(\S+))",
    re.ASCII | re.IGNORECASE,
)
_LINK = re.compile(r"links?(?![a-z])(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Change:
    """What is changed, and how: by a rule, or by a factor of its time.

    ``first`` and ``last`` are numbers of stages, devices, microbatches or chunks, as ``of`` says.
    """

    of: Of
    first: int
    last: int
    rule: Rule | None = None
    factor: float = 1.0

    def names(self, graph: Graph, action: Action) -> bool:
        """Whether an action on a slice is named. Work of no slice is named only with its device."""
        if action.operation in REDUCTIONS and self.of != "device":
            return False
        return self.first <= number_of(self.of, graph, action) <= self.last

    def share(self, graph: Graph, action: Action) -> float:
        """The share of an action's slices that are named, from 0 to 1."""
        if action.slices == 1:
            return float(self.names(graph, action))
        slices = on_each_slice(graph, action)
        return sum(self.names(graph, each) for each in slices) / len(slices)


def change_of(text: str, graph: Graph) -> Change | LinkChange:
    """Read a change to a step.

    Raises:
        UsageError: The text is no change, or the step does not have what it names; the error says what was expected.
    """
    link = _LINK.fullmatch(text.strip())
    if link is not None:
        return link_change(link[1].strip(), graph.devices)
    found = _WORDS.fullmatch(text.strip())
    if found is None:
        raise _error(text, f"expected {GRAMMAR}")
    of, many, first, last, rule, factor = found.groups()
    known = next(each for each in get_args(Of) if each == of.lower().replace("gpu", "device"))
    there = _how_many(known, graph)
    if known == "all" and (many or first):
        raise _error(text, "expected all by itself, or stages, devices, microbatches or chunks with numbers")
    if known != "all" and first is None and not many:
        raise _error(text, f"which {known}? Expected {known} 0 to {known} {there - 1}, or {_plural(known)}")
    begin, end = (0, there - 1) if first is None else (int(first), int(last or first))
    if not begin <= end < there:
        raise _error(text, f"expected {_plural(known)} from 0 to {there - 1}, the lower one first")
    chosen = next((each for each in get_args(Rule) if rule and each == rule.lower()), None)
    if chosen == "others" and end - begin + 1 == there:
        raise _error(text, "all of them are named: there are no others")
    return Change(known, begin, end, chosen, 1.0 if factor is None else _factor(text, factor))


def number_of(of: Of, graph: Graph, action: Action) -> int:
    """The number of an action's stage, device, microbatch or chunk, as ``of`` says; 0 for ``all``."""
    if of == "all":
        return 0
    if of == "device":
        return graph.device(action)
    return action.stage if of == "stage" else action.microbatch if of == "microbatch" else action.chunk


def _how_many(of: Of, graph: Graph) -> int:
    return {
        "all": 1,
        "stage": graph.stages,
        "device": graph.devices,
        "microbatch": graph.microbatches,
        "chunk": graph.chunks,
    }[of]


def _plural(of: Of) -> str:
    return f"{of}es" if of == "microbatch" else f"{of}s"


def _factor(text: str, given: str) -> float:
    found = _NUMBER.fullmatch(given)
    if found is None or float(given) > _MOST_FACTOR:
        raise _error(
            text,
            f"expected a factor of the time after the sign, from 0 to {_MOST_FACTOR:g}, got {given[:_SHOWN]!r}",
        )
    return float(given)


def _error(text: str, what: str) -> UsageError:
    return UsageError(f"change {text[:_SHOWN]!r}: {what}")
