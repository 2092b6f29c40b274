import pytest

from pipebench.records.schema import Device, HostLinkRecord, MessageTimeRecord, RankRecord
from pipebench.timing.links import Link, Topology, latency_only
from pipebench.timing.topologies import link_for, one_way_s, topology_of

TIMES = [MessageTimeRecord(size, s) for size, s in ((4, 1e-3), (1000, 2e-3), (3000, 8e-3))]


def link(first: str, second: str, factor: float = 1.0) -> HostLinkRecord:
    times = [MessageTimeRecord(each.size_bytes, factor * each.one_way_s) for each in TIMES]
    return HostLinkRecord((first, second), (0, 1), factor * 1e-3, 1e6, times)


@pytest.mark.parametrize(
    ("size", "expected"), [(0, 1e-3), (4, 1e-3), (1000, 2e-3), (2000, 5e-3), (3000, 8e-3), (4000, 11e-3)]
)
def test_between_sizes_in_proportion(size: int, expected: float) -> None:
    assert one_way_s(link("a", "b"), size) == pytest.approx(expected, rel=1e-12)


def test_a_message_that_is_mostly_latency_waits_for_no_other() -> None:
    assert link_for(link("a", "b"), 1000) == latency_only(2e-3)
    large = link_for(link("a", "b"), 3000)
    assert large.ports
    assert large.transfer_s(3000) == pytest.approx(8e-3, rel=1e-12)


def test_inside_and_between_hosts_and_of_several_the_slowest() -> None:
    ranks = [RankRecord(host, 0, "cpu") for host in "aabc"]
    device = Device("cpu", 4, ["cpu"], ranks, [link("a", "a"), link("a", "b", 10), link("a", "c", 20)])
    found = topology_of(device, 4)
    assert found == Topology((0, 0, 1, 2), latency_only(1e-3), latency_only(20e-3))


def test_without_a_measured_link_there_is_no_topology() -> None:
    assert topology_of(Device("cpu", 2, ["cpu"]), 4) is None
    alone = Device("cpu", 2, ["cpu"], [RankRecord("a", n, "cpu") for n in range(2)], [link("a", "a")])
    assert topology_of(alone, 4) == Topology((0, 0), latency_only(1e-3), Link())
