import pytest

from pipebench.plan.transfers import Message
from pipebench.timing.links import Link, Topology, latency_only
from pipebench.timing.slots import Slots, slots_of
from pipebench.timing.ways import as_said, through
from tests.builders import plan_of


def slots() -> Slots:
    """Three devices, one microbatch: posts of 0F0, 1F0, 1B0 and 2B0."""
    return slots_of(plan_of("gpipe", 3, 1))


def size(message: Message) -> int:
    return 10 * (message.sender + 1)


def test_a_message_takes_what_lies_between_its_devices() -> None:
    ways = through(slots(), Topology((0, 0, 1), latency_only(0.5), Link(1.0, 10.0)), size)
    assert ways.seconds == [0.5, 3.0, 0.5, 4.0]
    assert ways.ports == [False, True, False, True]
    assert not ways.nobody_waits


def test_without_sizes_only_latency_counts() -> None:
    assert through(slots(), Link(1.0, 10.0), None).seconds == [1.0] * 4


def test_no_size_is_asked_for_where_none_counts() -> None:
    def refuses(message: Message) -> int:
        raise AssertionError(message)

    assert through(slots(), Link(1.0), refuses).seconds == [1.0] * 4


@pytest.mark.parametrize(
    ("link", "waits"),
    [(Link(), False), (latency_only(2.0), False), (Link(0.5, overhead_s=0.25), False), (Link(0.5), True)],
)
def test_nobody_waits_where_there_are_no_ports_or_nothing_takes_time(link: Link, *, waits: bool) -> None:
    assert through(slots(), link, None).nobody_waits is not waits


def test_each_end_of_a_message_costs_its_slot_the_overhead() -> None:
    ways = through(slots(), Topology((0, 0, 1), Link(overhead_s=0.25), Link(overhead_s=2.0)), None)
    # start, 0F0, 0B0; start, 1F0, 1B0; start, 2F0, 2B0
    assert ways.overhead_s == [0, 0.25, 0.25, 0, 2.25, 2.25, 0, 2.0, 2.0]


def test_what_is_said_counts_alone() -> None:
    ways = as_said(slots(), lambda message: float(message.receiver))
    assert ways.seconds == [1.0, 2.0, 0.0, 1.0]
    assert ways.ports == [False] * 4
    assert ways.overhead_s == [0.0] * 9
    assert ways.nobody_waits
