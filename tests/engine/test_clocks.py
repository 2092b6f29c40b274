"""Times of one host's clock on another's; that it works between processes tests/hosts shows."""

import pytest
import torch.distributed as dist

from pipebench.engine import clocks
from pipebench.engine.clocks import Estimate, HostClock, HostClocks, OneClock, clocks_of
from pipebench.launching.rendezvous.place import InFolder, Place, Seat


def place(*hosts: str, rank: int = 0) -> Place:
    return Place(rank, tuple(Seat(number, number, host) for number, host in enumerate(hosts)), InFolder())


def known(found: HostClocks, rank: int, first: Estimate, last: Estimate) -> None:
    found._first[rank], found._last[rank] = first, last


def test_ranks_of_one_host_have_one_clock() -> None:
    one = clocks_of(place("a", "a"))
    assert isinstance(one, OneClock)
    one.refresh()
    assert (one.common(5.0), one.own(5.0), one.apart_s) == (5.0, 5.0, 0.0)


def test_an_offset_is_added_and_taken_away() -> None:
    found = clocks_of(place("a", "b", "b", rank=2))
    assert isinstance(found, HostClocks)
    known(found, 1, Estimate(-3.5, 1e-4, 10.0), Estimate(-3.5, 1e-4, 20.0))
    assert found.common(30.0) == 26.5  # its host's first rank has asked for it
    assert found.own(26.5) == 30.0
    assert found.apart_s == pytest.approx(7e-4)


def test_rank_0_s_own_host_is_the_common_clock() -> None:
    found = HostClocks(place("a", "b", "a", rank=2))
    known(found, 1, Estimate(9.0, 1e-4, 0.0), Estimate(9.0, 1e-4, 9.0))
    assert (found.common(7.0), found.own(7.0)) == (7.0, 7.0)


def test_a_drift_goes_on_after_the_last_look() -> None:
    """A clock that loses 100 us a second."""
    found = HostClocks(place("a", "b", rank=1))
    known(found, 1, Estimate(1.0, 1e-6, 100.0), Estimate(1.001, 1e-6, 110.0))
    assert found.common(115.0) == pytest.approx(115.0 + 1.001 + 5e-4, rel=1e-12)
    assert found.own(found.common(115.0)) == pytest.approx(115.0, abs=1e-6)


@pytest.mark.parametrize(
    ("last", "drift"),
    [
        (Estimate(1.001, 1e-6, 110.0), 1e-4),
        (Estimate(1.001, 2e-3, 110.0), 0.0),  # no more than may be wrong of it
        (Estimate(1.001, 1e-6, 100.5), 0.0),  # too soon to tell
    ],
)
def test_a_drift_is_told_where_it_shows(last: Estimate, drift: float) -> None:
    assert HostClock("b", Estimate(1.0, 1e-6, 100.0), last, 1e-6).drift == pytest.approx(drift)


def test_of_many_round_trips_the_fastest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose clock is 100 s ahead; each message takes a time of its own, one way more than the other."""
    now = [0.0]
    ways = iter([(0.5, 0.1), (0.02, 0.02), (0.3, 0.9), *[(0.4, 0.4)] * 100])
    way = [0.0, 0.0]

    def send(*_: object) -> None:
        way[:] = next(ways)
        now[0] += way[0]

    def receive(token: object, _: int) -> None:
        token[0] = now[0] + 100.0  # type: ignore[index]
        now[0] += way[1]

    monkeypatch.setattr(dist, "send", send)
    monkeypatch.setattr(dist, "recv", receive)
    monkeypatch.setattr(dist, "broadcast", lambda *_: None)
    monkeypatch.setattr(clocks.time, "perf_counter", lambda: now[0])
    found = HostClocks(place("a", "b"))
    found.refresh()
    (host,) = found.hosts()
    assert host.host == "b"
    assert host.last.offset_s == pytest.approx(-100.0, abs=1e-9)
    assert host.uncertainty_s == pytest.approx(0.02)
