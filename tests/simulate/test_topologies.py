import msgspec
import pytest

from pipebench.errors import UsageError
from pipebench.records.devices import Device, HostLinkRecord, MessageTimeRecord, RankRecord
from pipebench.records.run import CompletedRun
from pipebench.records.spans import TransferRecord
from pipebench.simulate.topologies import between_hosts, link_for, one_way_s, topology_of
from pipebench.timing.links import Link, Topology, latency_only
from tests.builders import completed_record

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


def on_hosts(*hosts: str) -> CompletedRun:
    record = completed_record()
    ranks = [RankRecord(host, 0, "cpu") for host in hosts]
    links = [link("a", "a"), link("a", "b", 10)] if hosts else []
    device = msgspec.structs.replace(record.device, count=len(hosts) or 1, ranks=ranks, links=links)
    transfers = [TransferRecord("0F0", 0, 1, 0.0, 0.0, 1.0, size) for size in (4, 1000)]
    timeline = msgspec.structs.replace(record.timeline, transfers=transfers)
    return msgspec.structs.replace(record, device=device, timeline=timeline)


def test_a_run_s_links_are_those_of_its_largest_message() -> None:
    found = between_hosts(on_hosts("a", "a", "b", "b"))
    assert (found.devices, found.hosts) == (4, 2)
    assert (found.inside_s, found.across_s) == pytest.approx((2e-3, 20e-3))


@pytest.mark.parametrize(
    ("hosts", "words"),
    [((), "a single machine"), (("a", "a", "b"), r"found \[2, 1\]"), (("a", "b", "a", "b"), "next to")],
)
def test_a_run_without_equal_hosts_is_refused(hosts: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        between_hosts(on_hosts(*hosts))
