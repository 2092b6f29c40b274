"""Make lengths equal: for all slices of a stage, for a slice's share on all stages, or for all devices.

    recorded        even             by slice         alike
    F0 F1 F2        F0 F1 F2         F0 F1 F2         F0 F1 F2
    1  1  4         2  2  2          1  1  4          3  3  3      stage 0
    4  4  4         4  4  4          3  3  6          3  3  3      stage 1

A stage has a mean for each operation and each segment of time, since an encoder's chunk differs from a decoder's. Means
are of slices: the time of a cell is shared out evenly over its slices, and a cell is made as long as its slices
together. All three keep the sum of all lengths. Reductions, which belong to no slice, stay as they are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.cells import on_each_slice
from pipebench.plan.graph import Graph

Lengths = Mapping[Action, float]
_Kind = tuple[Operation, int, int]  # operation, stage, segment
_Slice = tuple[Operation, int, int]  # operation, microbatch, chunk


class Means:
    """The means of one step; the slices of its actions and the means of its stages are found once.

    Args:
        graph: the graph of the step.
        lengths: seconds of its actions.
    """

    def __init__(self, graph: Graph, lengths: Lengths) -> None:
        self.lengths = lengths
        segments = [graph.segment_of(chunk) for chunk in range(graph.chunks)]
        self.parts: dict[Action, list[tuple[_Kind, _Slice]]] = {
            action: [
                ((operation, stage, segments[chunk]), (operation, microbatch, chunk))
                for operation, stage, microbatch, chunk, *_ in on_each_slice(graph, action)
            ]
            for action in lengths
            if action.operation not in REDUCTIONS
        }
        found: dict[_Kind, list[float]] = defaultdict(list)
        for action, parts in self.parts.items():
            for kind, _ in parts:
                found[kind].append(lengths[action] / len(parts))
        self.of_stages = {kind: fmean(seconds) for kind, seconds in found.items()}

    def even(self) -> dict[Action, float]:
        """Make every slice of a stage as long as the stage's mean; seconds of each action."""
        means = self.of_stages
        return {
            **self.lengths,
            **{action: sum([means[kind] for kind, _ in parts]) for action, parts in self.parts.items()},
        }

    def by_slice(self) -> dict[Action, float]:
        """Make every slice as long as its stage's mean, times how long the slice took on all stages over their means.

        The sum of each stage stays. What neither the stage nor the slice explains is left out.
        """
        means = self.of_stages
        took: dict[_Slice, float] = defaultdict(float)
        due: dict[_Slice, float] = defaultdict(float)
        for action, parts in self.parts.items():
            share_s = self.lengths[action] / len(parts)
            for kind, slice_ in parts:
                took[slice_] += share_s
                due[slice_] += means[kind]
        shares = {slice_: took[slice_] / due_s if due_s else 1.0 for slice_, due_s in due.items()}
        return {
            **self.lengths,
            **{
                action: sum([means[kind] * shares[slice_] for kind, slice_ in parts])
                for action, parts in self.parts.items()
            },
        }


def even(graph: Graph, lengths: Lengths) -> dict[Action, float]:
    """Make every slice of a stage as long as the stage's mean; see ``Means.even``."""
    return Means(graph, lengths).even()


def by_slice(graph: Graph, lengths: Lengths) -> dict[Action, float]:
    """Make every action as long as its stage and its slice explain; see ``Means.by_slice``."""
    return Means(graph, lengths).by_slice()


def alike(graph: Graph, lengths: Lengths) -> dict[Action, float]:
    """Give every device the same work, and its stages of the chain the same share of it; forwards and backwards apart.

    A stage that takes no time still takes none. A device's stages of a shared softmax keep their share of its work. A
    device whose layers are frozen has backwards of length 0; they take the mean too.
    """
    found = dict(lengths)
    for operations in _together(graph, lengths):
        own: dict[int, list[Action]] = defaultdict(list)
        for action in lengths:
            if action.operation in operations:
                own[graph.device(action)].append(action)
        mean_s = sum(lengths[action] for actions in own.values() for action in actions) / len(own)
        for actions in own.values():
            found |= {action: mean_s * share for action, share in _shares(graph, lengths, actions).items()}
    return found


def _shares(graph: Graph, lengths: Lengths, actions: Sequence[Action]) -> dict[Action, float]:
    """The share of each action in the sum of a device's actions, if its stages of the chain are made equal."""
    sums: dict[int, float] = defaultdict(float)
    for action in actions:
        sums[action.stage] += lengths[action]
    total_s = sum(sums.values())
    if not total_s:
        return dict.fromkeys(actions, 1 / len(actions))
    chain = [stage for stage in sums if stage < graph.chain and sums[stage]]
    equal_s = sum(sums[stage] for stage in chain) / max(len(chain), 1)
    new_s = {stage: equal_s if stage in chain else stage_s for stage, stage_s in sums.items()}
    return {
        action: lengths[action] / sums[action.stage] * new_s[action.stage] / total_s
        if sums[action.stage]
        else 0.0
        for action in actions
    }


def _together(graph: Graph, lengths: Lengths) -> list[tuple[Operation, ...]]:
    """Groups of operations that share a mean: each one alone, or all backwards if whole ones and halves occur."""
    if not graph.split_backward or all(action.operation is not Operation.BACKWARD for action in lengths):
        return [(operation,) for operation in graph.operations]
    forward, *halves = graph.operations
    return [(forward,), (*halves, Operation.BACKWARD)]


def stage_means(graph: Graph, lengths: Lengths) -> dict[_Kind, float]:
    """The mean length of each operation of each stage on a slice in each segment of time, in seconds."""
    return Means(graph, lengths).of_stages
