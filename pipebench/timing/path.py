"""The length of a step of one plan, for many sets of lengths. Pure.

The simulator makes a timeline. This only computes how long a step takes. Messages do not wait for each other and have
no overhead, so a step is the longest path over program order and dependence. ``simulate`` gives the same time to the
last bit.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate, repeat

from pipebench.plan.actions import Action
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message
from pipebench.timing.bounds import Bound

_Inputs = tuple[
    tuple[int, int], ...
]  # the turn of the producer, and the place of its message in ``messages``


class Path:
    """Program order and dependence of one plan.

    Args:
        plan: a checked plan without transfers.
    """

    def __init__(self, plan: Plan) -> None:
        from pipebench.plan.flat import flat_of  # noqa: PLC0415 - numpy

        self.plan = plan
        self._flat = flat = flat_of(plan)
        consumers, producers = (flat.place[numbers].tolist() for numbers in flat.numbering.messages)
        inputs: list[list[tuple[int, int]]] = [[] for _ in flat.actions]
        for message, (consumer, producer) in enumerate(zip(consumers, producers, strict=True)):
            inputs[consumer].append((producer, message))
        order = _in_order(flat.lengths, inputs)
        turn = dict(zip(order, range(len(order)), strict=True))
        device = flat.device.tolist()
        self._actions = [flat.actions[place] for place in order]
        self._slots: list[tuple[int, _Inputs]] = [
            (device[place], tuple((turn[producer], message) for producer, message in inputs[place]))
            for place in order
        ]

    @cached_property
    def messages(self) -> list[Message]:
        """All messages of a step, in the order of ``transfers.messages_of``; their actions are the plan's objects."""
        from pipebench.plan.numbers import rows  # noqa: PLC0415 - numpy

        flat, (consumer, producer) = self._flat, self._flat.numbering.messages
        devices = (flat.numbering.devices[numbers].tolist() for numbers in (producer, consumer))
        return list(rows(Message, flat.actions_of(producer), flat.actions_of(consumer), *devices))

    @cached_property
    def bound(self) -> Bound:
        """The least time of the plan's actions in any order."""
        return Bound(self.plan.graph, self._actions)

    @cached_property
    def free(self) -> dict[Message, float]:
        """All messages, with no time each."""
        return dict.fromkeys(self.messages, 0.0)

    def takes_s(
        self,
        seconds: Mapping[Action, float],
        messages: Mapping[Message, float] | None = None,
        gaps: Mapping[Action, float] | None = None,
    ) -> float:
        """Seconds that the step takes.

        Args:
            seconds: the seconds of each action.
            messages: the seconds that each message is on its way; by default no time.
            gaps: the gaps before actions; by default none.
        """
        free = [0.0] * self.plan.graph.devices
        ends: list[float] = []
        lengths = map(seconds.__getitem__, self._actions)
        late = (gaps.get(action, 0.0) for action in self._actions) if gaps else repeat(0.0)
        if messages is self.free:
            messages = None
        on_the_way = None if messages is None else [*map(messages.__getitem__, self.messages)]
        for (device, inputs), gap_s, length_s in zip(self._slots, late, lengths, strict=False):
            now = free[device]
            for producer, message in inputs:
                there = ends[producer] if on_the_way is None else ends[producer] + on_the_way[message]
                if there > now:  # noqa: PLR1730 - half as long again with max
                    now = there
            free[device] = now = now + gap_s + length_s
            ends.append(now)
        return max(free)


def _in_order(lengths: Sequence[int], inputs: Sequence[Sequence[tuple[int, int]]]) -> list[int]:
    """The places of all programs in an order in which each comes after its inputs; devices go as far as they can."""
    behind = list(accumulate(lengths))
    at = [end - length for end, length in zip(behind, lengths, strict=True)]
    found, done = list[int](), [False] * len(inputs)
    ready = list(range(len(lengths)))
    noted: dict[int, list[int]] = {}
    while ready:
        device = ready.pop()
        for place in range(at[device], behind[device]):
            missing = next((producer for producer, _ in inputs[place] if not done[producer]), None)
            if missing is not None:
                noted.setdefault(missing, []).append(device)
                break
            found.append(place)
            done[place] = True
            at[device] += 1
            ready += noted.pop(place, [])
    assert len(found) == len(inputs), "the plan was checked, and does not get stuck"
    return found
