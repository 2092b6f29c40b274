"""What a report says of several hosts."""

import msgspec

from pipebench.records.devices import HostLinkRecord, MessageTimeRecord, RankRecord
from pipebench.records.launches import ClockRecord
from pipebench.records.run import RunRecord
from pipebench.render.hosts import between_hosts
from tests.builders import completed_record

TIMES = [MessageTimeRecord(4, 5e-5)]


def on_hosts(*names: str) -> RunRecord:
    record = completed_record()
    device = msgspec.structs.replace(
        record.device,
        ranks=[RankRecord(name, number, "cpu") for number, name in enumerate(names)],
        links=[
            HostLinkRecord((names[0], name), (0, n), 5e-5, 2.0**30, TIMES) for n, name in enumerate(names)
        ][1:],
    )
    clocks = [ClockRecord(name, 0.1, 0.0, 2e-4) for name in dict.fromkeys(names[1:]) if name != names[0]]
    launches = [msgspec.structs.replace(launch, clocks=clocks) for launch in record.launches]
    return msgspec.structs.replace(record, device=device, launches=launches)


def test_a_run_of_one_machine_says_nothing_of_hosts() -> None:
    assert list(between_hosts(completed_record())) == []


def test_hosts_links_and_how_far_clocks_can_be_trusted() -> None:
    told = list(between_hosts(on_hosts("a", "a", "b")))
    assert told == [
        ("hosts", "a: rank 0, 1; b: rank 2"),
        ("link", "inside a: 50.0 us a message, 1.0 GiB/s (half of there and back)"),
        ("link", "a - b: 50.0 us a message, 1.0 GiB/s (half of there and back)"),
        (
            "clocks",
            "compared before each step: waits and transfers between hosts below 200 us cannot be trusted",
        ),
    ]


def test_one_host_has_a_link_and_no_clocks() -> None:
    assert [name for name, _ in between_hosts(on_hosts("a", "a"))] == ["link"]
