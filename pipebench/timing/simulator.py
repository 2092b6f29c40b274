"""The simulator makes a timeline from a plan and costs, or says what the plan is stuck on.

Each device runs its program in order. An action starts when the device is free and its inputs have
arrived. There are two models of the transport:

* asynchronous (default): sends do not block compute, receives are posted ahead, and messages from one device to
  another arrive in the order in which they were sent;
* blocking: a send and its receive meet (rendezvous) and hold both devices until the message is over. A plan that
  passes here hangs with no other transport.

A virtual clock is this simulator with measured costs.

There are three engines, and they agree where more than one can run a plan: ``longest_path`` if no message can wait for
another one, ``ports`` if messages wait for ports, and ``blocking``.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message, add_transfers
from pipebench.system import garbage
from pipebench.timing.blocking import met
from pipebench.timing.costs import Costs
from pipebench.timing.deadlock import DeadlockError
from pipebench.timing.links import Link, Topology
from pipebench.timing.timeline import Timeline

if TYPE_CHECKING:
    from pipebench.timing.outcome import Outcome
    from pipebench.timing.slots import Slots

__all__ = ["DeadlockError", "simulate"]

_FREE = Link()


def simulate(
    plan: Plan,
    costs: Costs,
    link: Link | Topology = _FREE,
    *,
    message_bytes: Callable[[Message], float] | None = None,
    transfer_s: Callable[[Message], float] | None = None,
    blocking: bool = False,
) -> Timeline:
    """Run a plan on paper.

    Args:
        plan: the plan; if it has no transfers, the transfer pass adds them.
        costs: seconds of each action.
        link: the link between all devices, or a topology of several links.
        message_bytes: the size of a message, for links with a bandwidth; by default 0.
        transfer_s: seconds that a message takes, in place of the link. Then no message waits for another one, and there
            is no overhead.
        blocking: whether transfers are blocking instead of asynchronous.

    Returns:
        Spans and transfers in the order in which they started; of those that start at the same time, inputs come
        before what needs them.

    Raises:
        DeadlockError: The plan gets stuck with this transport.
        PlanError: The plan has a send that no action needs.
    """
    with garbage.put_off():
        if blocking:
            with_transfers = plan if plan.has_transfers else add_transfers(plan)
            return met(with_transfers, costs, link, message_bytes, transfer_s)
        return _asynchronous(plan, costs, link, message_bytes, transfer_s)


def _asynchronous(
    plan: Plan,
    costs: Costs,
    link: Link | Topology,
    message_bytes: Callable[[Message], float] | None,
    transfer_s: Callable[[Message], float] | None,
) -> Timeline:
    from pipebench.timing import longest_path, outcome, ports, slots, ways  # noqa: PLC0415 - numpy

    made = slots.slots_of(plan)
    way = ways.through(made, link, message_bytes) if transfer_s is None else ways.as_said(made, transfer_s)
    work = outcome.work_of(made, costs, way.overhead_s)
    if way.nobody_waits and longest_path.none_is_sent_twice(made):
        found = longest_path.longest_path(made, work, way.seconds)
    else:
        found = ports.through_ports(made, work, way)
    _check_all_ran(made, found)
    return outcome.timeline_of(made, costs, way.seconds, found)


def _check_all_ran(slots: "Slots", found: "Outcome") -> None:
    """Name what the devices are stuck on, if any device is stuck.

    Raises:
        DeadlockError: Some slots never ran.
    """
    never_ran = found.never_ran
    if never_ran:
        first = {int(slots.device[slot]): slot for slot in reversed(never_ran)}
        never = set(never_ran)
        posts = zip(slots.posting.tolist(), slots.posted.tolist(), strict=True)
        sent = {message for slot, message in posts if slot not in never}
        waits = (_waits_for(slots, sent, device, first[device]) for device in sorted(first))
        raise DeadlockError("deadlock: " + "; ".join(waits))


def _waits_for(slots: "Slots", sent: set[int], device: int, slot: int) -> str:
    """What a device is stuck on at a slot: the lowest message to it that was not sent."""
    begin, end = (bound[slot] for bound in slots.awaited)
    missing = [message for message in slots.waited_for[begin:end].tolist() if message not in sent]
    needed = min(slots.messages_at(missing))
    action, text = slots.actions[slot], slots.numbering.graph.text
    assert action is not None, "a device's start waits for nothing"
    return f"device {device}: {text(action)} waits for {text(needed.producer)}"
