"""Where ranks sit: hosts are told apart, and no two ranks have one device."""

import time

import msgspec
import pytest

from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.hosts import seats
from pipebench.hosts.words import Present, present_key
from pipebench.launching.rendezvous.place import OverNetwork, Seat
from pipebench.launching.rendezvous.told import Told
from tests.hosts.stores import Store, exchange

TWO = Told("torchrun", 0, 0, 2, "127.0.0.1", 1, True)


def present(local_rank: int, host: str = "a", boot: str = "1", address: str = "10.0.0.1") -> Present:
    return Present(Seat(local_rank, local_rank, host, address), boot)


def test_hosts_are_as_they_call_themselves() -> None:
    found = seats.seats_of([present(0), present(1), present(0, "b", "2")])
    assert [seat.host for seat in found] == ["a", "a", "b"]


def test_two_machines_of_one_name_are_told_apart_by_their_addresses() -> None:
    found = seats.seats_of([present(0), present(0, boot="2", address="10.0.0.2"), present(1)])
    assert [seat.host for seat in found] == ["a (10.0.0.1)", "a (10.0.0.2)", "a (10.0.0.1)"]


def test_two_ranks_with_one_device_are_refused() -> None:
    with pytest.raises(UsageError, match="ranks 0 and 2 on a have the same local rank 0"):
        seats.seats_of([present(0), present(1), present(0)])


def test_all_seats_are_there_once_the_last_rank_is() -> None:
    store = Store()
    one, _ = exchange(store, 0)
    for rank in range(2):
        store.leave(present_key(rank), msgspec.json.encode(present(rank)))
    assert [seat.local_rank for seat in seats.all_seats(TWO, one, lambda: None)] == [0, 1]
    one.close()


def test_a_rank_that_does_not_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "_PATIENCE_S", 0.5)
    store = Store()
    one, _ = exchange(store, 0)
    store.leave(present_key(0), msgspec.json.encode(present(0)))
    began = time.monotonic()
    with pytest.raises(
        EnvironmentRefusedError, match="torchrun: expected 2 ranks, rank 1 did not come within"
    ):
        seats.all_seats(TWO, one, lambda: None)
    assert time.monotonic() - began < 3
    one.close()


def test_this_process_is_on_this_machine() -> None:
    here = seats.present(TWO)
    assert here.seat.local_rank == 0
    assert here.seat.address == "127.0.0.1"
    assert here.seat.host


def test_ranks_of_one_machine_meet_over_loopback() -> None:
    found = tuple(Seat(n, n, "a", "127.0.0.1") for n in range(2))
    meeting = seats.place_of(TWO, found, "p").meeting
    assert isinstance(meeting, OverNetwork)
    assert (meeting.address, meeting.port, meeting.prefix) == ("127.0.0.1", 1, "p")
    assert meeting.interface in ("lo", "lo0")


@pytest.mark.parametrize(("shown", "device"), [(0, 1), (1, 0), (2, 1), (8, 1)])
def test_one_gpu_that_a_launcher_shows_each_rank_is_number_0(
    monkeypatch: pytest.MonkeyPatch, shown: int, device: int
) -> None:
    monkeypatch.setattr(seats, "gpus", lambda: [object()] * shown)
    assert seats.present(TWO._replace(rank=1, local_rank=1)).seat.device == device


def test_other_versions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    one, _ = exchange(store, 0)
    for rank in range(2):
        there = msgspec.structs.replace(present(rank), versions=f"pipebench 0.{rank}")
        store.leave(present_key(rank), msgspec.json.encode(there))
    with pytest.raises(
        EnvironmentRefusedError, match=r"rank 1 on a has pipebench 0\.1, rank 0 on a pipebench 0\.0"
    ):
        seats.all_seats(TWO, one, lambda: None)
    one.close()


def test_whoever_waits_hears_what_goes_wrong_meanwhile() -> None:
    def check() -> None:
        raise KeyError("rank 1 has left")

    one, _ = exchange(Store(), 0)
    with pytest.raises(KeyError):
        seats.all_seats(TWO, one, check)
    one.close()
