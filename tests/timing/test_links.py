from math import inf, nan

import pytest

from pipebench.errors import UsageError
from pipebench.timing.links import Link, LinkChange, Topology, changed, latency_only


def test_a_message_takes_latency_and_bytes_over_bandwidth() -> None:
    link = Link(latency_s=10e-6, bytes_per_s=10e9)
    assert link.transfer_s(0) == 10e-6
    assert link.transfer_s(1_000_000) == pytest.approx(110e-6, rel=1e-12)


def test_size_does_not_matter_without_a_bandwidth() -> None:
    assert Link(0.25).transfer_s(10**12) == 0.25
    assert Link().transfer_s(10**12) == 0.0


def test_a_link_has_ports_unless_it_is_a_pure_latency() -> None:
    assert Link(0.5).ports
    assert latency_only(0.5) == Link(0.5, inf, ports=False)


def test_dilation_multiplies_latency_and_divides_bandwidth() -> None:
    """Design section 4: d = 9 turns 10 GB/s and 10 us into 1.1 GB/s and 90 us."""
    slow = Link(10e-6, 10e9).dilated(9.0)
    assert slow.latency_s == pytest.approx(90e-6, rel=1e-12)
    assert slow.bytes_per_s == pytest.approx(10e9 / 9, rel=1e-12)
    assert slow.ports


@pytest.mark.parametrize("size", [0, 1, 4096, 10**9])
@pytest.mark.parametrize("factor", [0.5, 1.0, 9.0])
def test_every_message_takes_the_dilated_time(size: int, factor: float) -> None:
    link = Link(3e-6, 2e9)
    assert link.dilated(factor).transfer_s(size) == pytest.approx(factor * link.transfer_s(size), rel=1e-12)


def test_dilation_keeps_what_occupies_nobody() -> None:
    assert latency_only(1.0).dilated(2.0) == latency_only(2.0)


@pytest.mark.parametrize("latency", [-1e-9, inf, nan])
def test_a_latency_that_is_negative_or_endless_is_refused(latency: float) -> None:
    with pytest.raises(UsageError, match="latency must be a finite number >= 0 s"):
        Link(latency)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, nan])
def test_a_bandwidth_that_is_not_above_zero_is_refused(bandwidth: float) -> None:
    with pytest.raises(UsageError, match="bandwidth must be above 0 bytes/s"):
        Link(0.0, bandwidth)


def test_the_overhead_of_both_ends_is_part_of_the_way() -> None:
    link = Link(latency_s=80e-6, bytes_per_s=1e9, overhead_s=30e-6)
    assert link.transfer_s(40_000) == pytest.approx(60e-6)
    assert link.transfer_s(0) == pytest.approx(20e-6)
    assert Link(latency_s=10e-6, overhead_s=30e-6).transfer_s(0) == 0.0
    assert link.dilated(2) == Link(160e-6, 0.5e9, overhead_s=60e-6)


@pytest.mark.parametrize("value", [-1.0, nan, inf])
def test_a_bad_overhead_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="message overhead must be"):
        Link(overhead_s=value)


def test_a_topology_has_one_link_inside_hosts_and_one_between() -> None:
    inside, across = Link(1e-6), Link(1e-3, 1e9)
    topology = Topology((0, 0, 1), inside, across)
    assert topology.between(0, 1) is inside
    assert topology.between(1, 2) is topology.between(2, 0) is across
    assert inside.between(0, 5) is inside


SLOW = Link(1e-3, 1e6)


def test_a_change_holds_for_its_pair_in_both_directions_and_nowhere_else() -> None:
    links = changed(SLOW, 4, [LinkChange((1, 2), latency_s=0.5, bytes_per_s=1e9)])
    assert links.between(1, 2) == links.between(2, 1) == Link(0.5, 1e9)
    others = [(a, b) for a in range(4) for b in range(4) if {a, b} != {1, 2}]
    assert all(links.between(a, b) is SLOW for a, b in others)


def test_a_change_without_a_pair_holds_everywhere() -> None:
    links = changed(SLOW, 3, [LinkChange(latency_s=0.5)])
    assert {links.between(a, b) for a in range(3) for b in range(3)} == {latency_only(0.5)}


def test_a_bandwidth_alone_has_no_latency_and_a_latency_alone_no_ports() -> None:
    assert LinkChange(bytes_per_s=2e9).made(SLOW) == Link(0.0, 2e9)
    assert LinkChange(bytes_per_s=2e9).made(SLOW).ports
    assert LinkChange(latency_s=0.5).made(SLOW) == Link(0.5, ports=False)


@pytest.mark.parametrize("size", [0, 1, 4096])
def test_half_a_link_s_time_is_half_of_every_message_s(size: int) -> None:
    measured = Link(80e-6, 1e9, overhead_s=30e-6)
    half = LinkChange(factor=0.5).made(measured)
    assert half.transfer_s(size) == pytest.approx(measured.transfer_s(size) / 2, rel=1e-12)
    assert half.overhead_s == 15e-6
    assert LinkChange(factor=0.5).made(latency_only(1.0)) == latency_only(0.5)


def test_changes_come_one_after_the_other() -> None:
    twice, new = LinkChange((0, 1), factor=2.0), LinkChange(latency_s=0.5)
    assert changed(SLOW, 2, [new, twice]).between(0, 1) == latency_only(1.0)
    assert changed(SLOW, 2, [twice, new]).between(0, 1) == latency_only(0.5)
    assert changed(changed(SLOW, 2, [new]), 2, [twice, twice]).between(1, 0) == latency_only(2.0)


def test_changes_leave_the_links_between_other_hosts() -> None:
    hosts = Topology((0, 0, 1, 1), latency_only(1.0), latency_only(10.0))
    links = changed(hosts, 4, [LinkChange((1, 2), latency_s=3.0), LinkChange((0, 1), factor=4.0)])
    assert [links.between(a, b).latency_s for a, b in ((0, 1), (1, 2), (2, 3), (1, 3))] == [4, 3, 1, 10]


def test_a_change_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(UsageError, match="latency must be a finite number"):
        changed(Link(1e300), 2, [LinkChange(factor=1e9)]).between(0, 1)
