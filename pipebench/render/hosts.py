"""What lies between the ranks of a run on several hosts, for a report."""

from collections.abc import Iterator

from pipebench.records.devices import HostLinkRecord
from pipebench.records.run import RunRecord
from pipebench.render.inert import inert
from pipebench.render.units import data_size, seconds


def between_hosts(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Where the ranks are, how fast each link is, and below what length waits between hosts cannot be trusted."""
    ranks = record.device.ranks
    hosts = dict.fromkeys(rank.host for rank in ranks)
    if len(hosts) > 1:
        places = (
            f"{inert(host)}: rank {', '.join(str(n) for n, rank in enumerate(ranks) if rank.host == host)}"
            for host in hosts
        )
        yield "hosts", "; ".join(places)
    for link in record.device.links:
        yield "link", _link(link)
    clocks = [clock for launch in record.launches for clock in launch.host_clocks]
    if clocks:
        worst_s = max(clock.uncertainty_s for clock in clocks)
        yield (
            "clocks",
            f"compared before each step: waits and transfers between hosts below {seconds(worst_s)} cannot be trusted",
        )


def _link(link: HostLinkRecord) -> str:
    first, second = map(inert, link.hosts)
    where = f"inside {first}" if first == second else f"{first} - {second}"
    rate = "" if link.bytes_per_s is None else f", {data_size(int(link.bytes_per_s))}/s"
    return f"{where}: {seconds(link.latency_s)} a message{rate} (half of there and back)"
