"""What is said is heard, and silence too."""

import socket
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from pipebench.errors import EnvironmentRefusedError
from pipebench.hosts.exchange import opened
from pipebench.launching.rendezvous.told import Told
from tests.hosts.stores import Store, exchange


def until(true: Callable[[], bool], within_s: float = 5.0) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


def test_a_word_is_heard_and_a_later_one_takes_its_place() -> None:
    store = Store()
    (one, _), (other, _) = exchange(store, 0), exchange(store, 1)
    other.want(["rank/0"])
    assert not other.has_come("rank/0")
    assert other.heard("rank/0") is None
    one.say(b"first")
    until(lambda: other.heard("rank/0") == b"first")
    first_s = other.heard_s("rank/0")
    one.say(b"second")
    until(lambda: other.heard("rank/0") == b"second")
    assert other.heard_s("rank/0") > first_s
    for each in (one, other):
        each.close()


def test_what_was_left_before_a_word_is_there_when_the_word_is() -> None:
    store = Store()
    one, line = exchange(store, 0)
    line.cut = True
    one.leave("job/1", b"work")
    one.say(b"begun")
    line.cut = False
    assert one.flush(5.0)
    assert list(store.values)[:3] == ["job/1/0", "job/1", "rank/0"]
    one.close()


@pytest.mark.parametrize("size", [0, 1, 4 * 2**20, 4 * 2**20 + 1, 20 * 2**20])
def test_what_is_left_goes_in_pieces_that_the_store_takes_and_is_read_once(size: int) -> None:
    """torch's store hangs up on whoever sends 8 MiB at once."""
    store = Store()
    (one, _), (other, _) = exchange(store, 0), exchange(store, 1)
    value = bytes(range(256)) * (size // 256) + bytes(size % 256)
    one.leave("job/1", value)
    other.look_for(["job/1"])
    until(lambda: other.found("job/1") is not None)
    assert other.found("job/1") == value
    assert max(map(len, store.values.values())) <= 4 * 2**20
    read = store.reads["job/1"]
    time.sleep(0.5)
    assert store.reads["job/1"] == read  # whoever has it asks no more
    for each in (one, other):
        each.close()


def test_what_the_store_says_is_told() -> None:
    store = Store()
    one, line = exchange(store, 0)
    line.cut = True
    until(lambda: one.trouble == " (the network is down)")
    line.cut = False
    until(lambda: one.trouble == "")
    one.close()


def test_silence_is_heard_and_ends_when_the_network_is_back() -> None:
    store = Store()
    (one, _), (other, line) = exchange(store, 0), exchange(store, 1)
    one.want(["rank/1"])
    until(lambda: one.silent_s("rank/1") < 0.1)
    line.cut = True
    until(lambda: one.silent_s("rank/1") > 0.8)
    line.cut = False
    until(lambda: one.silent_s("rank/1") < 0.5)
    for each in (one, other):
        each.close()


def test_a_process_that_is_cut_off_hears_the_same_silence() -> None:
    store = Store()
    (one, line), (other, _) = exchange(store, 0), exchange(store, 1)
    one.want(["rank/1"])
    until(lambda: one.silent_s("rank/1") < 0.1)
    line.cut = True
    until(lambda: one.silent_s("rank/1") > 0.8)
    assert not one.flush(0.0)
    for each in (one, other):
        each.close()


def test_a_name_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipebench.hosts.exchange.TO_COME_S", 0.1)
    with pytest.raises(EnvironmentRefusedError, match=r"rank 0, no-such-host\.invalid, is not known by"):
        opened(Told("torchrun", 1, 1, 2, "no-such-host.invalid", 9, True))


def test_a_store_that_is_nowhere_is_refused_with_what_to_look_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipebench.hosts.exchange.TO_COME_S", 1.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(
        EnvironmentRefusedError, match=f"cannot be reached at 127.0.0.1 port {port} .*: see that"
    ):
        opened(Told("torchrun", 1, 1, 2, "127.0.0.1", port, True))


def test_rank_0_listens_where_nobody_does() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    store = opened(Told("srun", 0, 0, 2, "127.0.0.1", port, False))
    store.set("a", "b")
    assert store.get("a") == b"b"


def test_a_port_that_another_job_has_is_refused() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentRefusedError, match=f"cannot listen at 127.0.0.1 port {port}"):
            opened(Told("srun", 0, 0, 2, "127.0.0.1", port, False))
