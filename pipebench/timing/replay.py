"""A recorded step, ready to be run again on paper: as it was, or with other lengths, messages and gaps.

    order      the order of each device's actions, as recorded
    lengths    seconds of each action, units and cells, without the overhead of messages (``overheads``)
    messages   seconds that each message is on its way, from when its link takes it
    gaps       seconds that a device waits before an action although it could go on: the host was late
    before     work before each device's first action: zeroing gradients
    after      work after its last action: the update, and the host's gap before it
    around     only zeroing and updates, of all devices together

Run again as it was, a simulated step takes as long as before, almost to the last bit. So does a step of the wall clock:
all time between two actions of a device is a message on its way, or a gap of the host.

The clocks of ranks tell when a message could leave and when its consumer began, but not when it arrived. If the
consumer's device had nothing to do, the message was on its way until then. If the device was busy, the message was
hidden. It is taken to be as long as those that were not hidden usually are.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, pairwise
from statistics import median

from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.cells import cell_of
from pipebench.plan.check import PlanError, check
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message, messages_of
from pipebench.timing.bounds import Bound
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.means import Means
from pipebench.timing.path import Path
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline, Transfer

End = tuple[Message, Action]  # a message, and which of its two actions: both are units
_To = tuple[Transfer, Action]  # a message, and the action of the timeline that waits for it
_SECONDS = Link(bytes_per_s=1.0)  # with ports; a message's bytes on it are its seconds
ZEROING = "zero_grad"  # the only other work that comes before a device's first action


@dataclass(frozen=True)
class Replay:
    """All that is needed to run a step again; see above. All times are in seconds.

    Args:
        plan: the plan in the recorded order, compute only.
        lengths: the length of every action.
        overheads: device time that a message takes on one of its two devices, beside the action there.
        messages: the time of each message that goes from device to device.
        ports: whether messages wait for each other at their devices' ports.
        gaps: the gaps before actions.
        before: work before each device's first action.
        after: work after each device's last action.
        around_s: work of all devices that belongs to no action.
        path: the plan's path, if many of its steps are run again.
    """

    plan: Plan
    lengths: Mapping[Action, float]
    overheads: Mapping[End, float] = field(default_factory=dict)
    messages: Mapping[Message, float] = field(default_factory=dict)
    ports: bool = True
    gaps: Mapping[Action, float] = field(default_factory=dict)
    before: Mapping[int, float] = field(default_factory=dict)
    after: Mapping[int, float] = field(default_factory=dict)
    around_s: float = 0.0
    path: Path | None = field(default=None, repr=False, compare=False)

    @cached_property
    def beside(self) -> Mapping[Action, float]:
        """For each action the device time of all messages that it takes and gives; a cell has that of its units."""
        found: dict[Action, float] = defaultdict(float)
        if not self.overheads:
            return found
        cells = cell_of(self.plan.graph, chain.from_iterable(self.plan.programs))
        for (_, unit), each_s in self.overheads.items():
            found[cells[unit]] += each_s
        return found

    @cached_property
    def _means(self) -> Means:
        return Means(self.plan.graph, self.lengths)

    @cached_property
    def evened(self) -> dict[Action, float]:
        """The lengths, made equal for all slices of a stage."""
        return self._means.even()

    @cached_property
    def sliced(self) -> dict[Action, float]:
        """The lengths as far as stages and slices explain them."""
        return self._means.by_slice()

    @cached_property
    def again(self) -> Timeline:
        """The step as it was, on paper."""
        return self.run()

    @cached_property
    def again_s(self) -> float:
        """Seconds that the step takes on paper, as it was."""
        if self.path is None or not self._is_bare:
            return self.again.makespan_s
        return self.path.takes_s(self.lengths, self.messages, self.gaps)

    @property
    def _is_bare(self) -> bool:
        """Whether a path can compute the step: without ports, overheads and work around the actions."""
        around = any(self.before.values()) or any(self.after.values())
        return not (self.ports or self.overheads or around)

    def run(
        self, lengths: Mapping[Action, float] | None = None, messages: Mapping[Message, float] | None = None
    ) -> Timeline:
        """Run the whole step on paper.

        Args:
            lengths: lengths of actions, in place of the recorded ones.
            messages: times of messages, in place of the recorded ones.
        """
        seconds = self.lengths if lengths is None else lengths
        costs = MeasuredCosts(
            {action: each_s + self.beside.get(action, 0.0) for action, each_s in seconds.items()},
            self.before,
            self.after,
            self.gaps,
        )
        return self._simulated(costs, self.messages if messages is None else messages)

    def least_s(self, lengths: Mapping[Action, float]) -> float:
        """The least seconds of a step with these lengths and free messages, in any order; see ``bounds``."""
        bound = Bound(self.plan.graph, list(self.lengths)) if self.path is None else self.path.bound
        return bound.least_s(lengths)

    def slices_alone_s(self, lengths: Mapping[Action, float], *, with_messages: bool) -> float:
        """Seconds of the step that ``slices_alone`` gives."""
        if self.path is None or not self._is_bare or self.plan.graph.clips:
            return self.slices_alone(lengths, with_messages=with_messages).makespan_s
        return self.path.takes_s(lengths, self.messages if with_messages else None)

    def slices_alone(self, lengths: Mapping[Action, float], *, with_messages: bool) -> Timeline:
        """Run the step without zeroing, update, reductions and gaps, and with messages as recorded or free.

        Args:
            lengths: lengths of actions on slices.
            with_messages: whether messages take their time and their overhead; else they are free.
        """
        seconds = {
            action: 0.0
            if action.operation in REDUCTIONS
            else lengths[action] + (self.beside.get(action, 0.0) if with_messages else 0.0)
            for action in self.lengths
        }
        return self._simulated(MeasuredCosts(seconds), self.messages if with_messages else None)

    def _simulated(self, costs: MeasuredCosts, messages: Mapping[Message, float] | None) -> Timeline:
        if messages is None:
            return simulate(self.plan, costs, latency_only(0.0))
        if self.ports:
            return simulate(self.plan, costs, _SECONDS, message_bytes=messages.__getitem__)
        return simulate(self.plan, costs, transfer_s=messages.__getitem__)


def replay_of(
    timeline: Timeline, *, ports: bool, overhead_s: float = 0.0, path: Path | None = None
) -> Replay:
    """The replay of a recorded step.

    Args:
        timeline: the timeline of a whole step.
        ports: whether the transfers are simulated ones, which wait for ports; else they are read off the wall clock.
        overhead_s: device time that a message took on each of its two devices, which is part of the recorded spans.
        path: the path of its plan, if the plan was checked before.

    Raises:
        PlanError: The order of the actions does not compute a step, or a message is missing or there twice.
    """
    plan = timeline.plan if path is None else path.plan
    if path is None:
        check(plan)
        _check_messages(timeline)
    overheads = {
        (each.message, action): overhead_s
        for each in timeline.transfers
        for action in (each.message.producer, each.message.consumer)
        if overhead_s
    }
    beside = Replay(plan, {}, overheads).beside
    lengths = {
        span.action: max(span.end_s - span.start_s - beside.get(span.action, 0.0), 0.0)
        for span in timeline.spans
    }
    before, after = _other_work(timeline)
    if ports:
        messages = {each.message: each.end_s - each.start_s for each in timeline.transfers}
        return Replay(
            plan, lengths, overheads, messages, before=before, after=after, around_s=_around_s(timeline)
        )
    clock = _ByTheClock(timeline)
    gaps = dict(clock.gaps())
    return Replay(
        plan,
        lengths,
        overheads,
        clock.messages,
        ports=False,
        gaps=gaps,
        before=before,
        after=after,
        around_s=_around_s(timeline),
        path=path,
    )


def _check_messages(timeline: Timeline) -> None:
    """Check that the step has each of its messages once, and no others."""
    due, found = messages_of(timeline.graph), [each.message for each in timeline.transfers]
    if len(found) != len(due) or set(found) != set(due):
        raise PlanError(f"expected {len(due)} transfers, each message once, found {len(found)}")


def _around_s(timeline: Timeline) -> float:
    return sum(work.end_s - work.start_s for work in timeline.other)


def _other_work(timeline: Timeline) -> tuple[dict[int, float], dict[int, float]]:
    """For each device the seconds until zeroing is over, and those from its last action to the end of its work."""
    before: dict[int, float] = {}
    after: dict[int, float] = {}
    for device in range(timeline.graph.devices):
        works = [work for work in timeline.other if work.device == device]
        spans = timeline.spans_of(device)
        before[device] = max((work.end_s for work in works if work.name == ZEROING), default=0.0)
        end_s = max((work.end_s for work in works if work.name != ZEROING), default=0.0)
        after[device] = max(end_s - spans[-1].end_s, 0.0) if spans else 0.0
    return before, after


class _ByTheClock:
    """The messages of a step of the wall clock, and the gaps of the host, as far as its readings tell."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        span_of = timeline.span_of  # if a unit that needs a message is in a cell, the message is for the cell
        to = [(each, span_of[each.message.consumer].action) for each in timeline.transfers]
        self.free_from = dict(_free_from(timeline))
        self.latest: dict[Action, float] = {}  # when the last message to an action could leave
        for each, action in to:
            self.latest[action] = max(each.ready_s, self.latest.get(action, each.ready_s))
        self.usual, self.anywhere = self._usual(to)
        self.messages: dict[Message, float] = {}
        self.arrived: dict[Action, float] = {}  # when the last message to an action was there
        for each, action in to:
            self.messages[each.message] = each_s = self._length_s(each, action)
            there_s = each.ready_s + each_s
            self.arrived[action] = max(there_s, self.arrived.get(action, there_s))

    def gaps(self) -> Iterator[tuple[Action, float]]:
        """For each late action the seconds from when it could have begun to when it did."""
        for _, action, start_s, _ in self.timeline.spans:
            gap_s = start_s - max(self.free_from[action], self.arrived.get(action, 0.0), 0.0)
            if gap_s > 0:
                yield action, gap_s

    def _usual(self, to: Iterable[_To]) -> tuple[dict[tuple[int, int], float], float]:
        """The median time of messages for each pair of devices, and for all; only those that a device waited for."""
        seen: dict[tuple[int, int], list[float]] = defaultdict(list)
        for each, action in to:
            if each.ready_s >= self.free_from[action] and each.ready_s >= self.latest[action]:
                seen[each.message.sender, each.message.receiver].append(each.end_s - each.ready_s)
        every = [each_s for of_pair in seen.values() for each_s in of_pair]
        return {pair: median(of_pair) for pair, of_pair in seen.items()}, median(every) if every else 0.0

    def _length_s(self, transfer: Transfer, action: Action) -> float:
        """How long a message took: until its consumer began, if that may have waited for it; else the usual time.

        It is never longer than until its consumer began.
        """
        pair = transfer.message.sender, transfer.message.receiver
        most_s = max(transfer.end_s - transfer.ready_s, 0.0)
        usual_s = min(self.usual.get(pair, self.anywhere), most_s)
        waited_for = transfer.ready_s + usual_s > self.free_from[action]
        return most_s if waited_for and transfer.ready_s >= self.latest[action] else usual_s


def _free_from(timeline: Timeline) -> Iterator[tuple[Action, float]]:
    """For each action when its device had ended its work before."""
    before, _ = _other_work(timeline)
    for device in range(timeline.graph.devices):
        spans = timeline.spans_of(device)
        yield from ((span.action, before[device]) for span in spans[:1])
        yield from ((span.action, earlier.end_s) for earlier, span in pairwise(spans))
