"""What rank 0 and the others make of each other's words, without a process of either."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from pipebench.errors import EnvironmentRefusedError, ExitCode, RunFailedError, TerminatedRunError
from pipebench.hosts import leader as leading
from pipebench.hosts import member as following
from pipebench.hosts.leader import Leader
from pipebench.hosts.member import Member
from pipebench.hosts.words import Lead, Present, Status, present_key, status_key
from pipebench.launching import messages
from pipebench.launching.company import Trouble
from pipebench.launching.heartbeat import COMPUTING
from pipebench.launching.rendezvous.place import Seat
from pipebench.launching.rendezvous.told import Told
from pipebench.models.text import data
from tests.builders import run_config
from tests.hosts.stores import Line, Store, exchange
from tests.hosts.test_exchange import until

TWO = Told("torchrun", 0, 0, 2, "127.0.0.1", 1, True)


def job() -> messages.Job:
    config = run_config(device="cpu", synthetic=True, gpus=2)
    return messages.Job(config=config, data=data.load(config))


@contextmanager
def led(store: Store) -> Iterator[tuple[Leader, Line]]:
    for rank, host in enumerate("ab"):
        present = Present(Seat(0, 0, host, "127.0.0.1"), host)
        store.leave(present_key(rank), msgspec.json.encode(present))
    found, line = exchange(store, 0)
    yield Leader(TWO, found), line
    found.close()


def say(store: Store, **words: object) -> None:
    """As rank 1 does."""
    store.set(status_key(1), msgspec.json.encode(Status(**words)))  # type: ignore[arg-type]
    store.set(f"{status_key(1)}/alive", str(time.monotonic()))


def first(leader: Leader) -> Trouble:
    until(lambda: bool(leader.troubles()))
    return leader.troubles()[0]


def test_a_launch_is_done_when_the_others_are() -> None:
    store = Store()
    with led(store) as (leader, _):
        place = leader.begin(job())
        assert (place.rank, place.hosts) == (0, ("a", "b"))
        assert not leader.all_done
        say(store, launch=1, standing="running", state=COMPUTING, action=4, age_s=2.0)
        until(lambda: leader.beat(1) is not None)
        beat = leader.beat(1)
        assert beat is not None
        assert (beat.state, beat.action) == (COMPUTING, 4)
        assert 2.0 <= time.monotonic() - beat.since_s < 4
        assert leader.beat(0) is None
        assert not leader.all_done
        say(store, launch=1, standing="done")
        until(lambda: leader.all_done)
        assert leader.troubles() == []


def test_what_went_wrong_elsewhere_is_handed_on() -> None:
    store = Store()
    with led(store) as (leader, _):
        leader.begin(job())
        trouble = Trouble(rank=1, text="rank 1 on b: out of memory", log="much")
        say(store, launch=1, standing="running", trouble=trouble)
        assert first(leader) == trouble


def test_a_rank_that_left_or_is_silent_is_named_with_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "LOST_S", 0.5)
    store = Store()
    with led(store) as (leader, _):
        leader.begin(job())
        say(store, launch=1, standing="left")
        assert first(leader).text == "rank 1 on b has left before the end"
        say(store, launch=1, standing="running")
        until(lambda: "is lost: nothing was heard of it for" in first(leader).text)
        assert first(leader).text.startswith("rank 1 on b is lost")
        assert not first(leader).lost_peer


def test_a_rank_that_has_died_is_found_where_a_launcher_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchrun sends SIGTERM to all ranks as soon as one has died; its silence shows only later."""
    monkeypatch.setattr(leading, "LOST_S", 1.5)
    ended = TerminatedRunError("terminated (SIGTERM)")
    store = Store()
    with led(store) as (leader, _):
        leader.begin(job())
        say(store, launch=1, standing="running")
        until(lambda: leader.exchange.has_come(status_key(1)))
        assert "rank 1 on b is lost" in str(leader.cause_of(ended))


def test_a_lost_connection_is_no_cause_of_a_signal_elsewhere() -> None:
    """A rank whose launcher was ended drops its connections: whoever notices that is not to blame for the signal."""
    ended = TerminatedRunError("rank 1 on b: terminated (SIGTERM)")
    store = Store()
    with led(store) as (leader, _), member(store) as (other, _):
        leader.begin(job())
        lost = Trouble(rank=1, text="rank 1 on b: gloo: connection closed by peer", lost_peer=True)
        other.say(trouble=lost)
        until(lambda: bool(leader.troubles()))
        assert leader.cause_of(ended) is ended
        other.say(trouble=msgspec.structs.replace(lost, lost_peer=False))
        until(lambda: leader.troubles()[0].lost_peer is False)
        assert str(leader.cause_of(ended)) == lost.text


def test_a_signal_to_all_is_nobody_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = TerminatedRunError("terminated (SIGTERM)")
    store = Store()
    with led(store) as (leader, _), member(store) as (other, _):
        leader.begin(job())
        other.say(trouble=Trouble(rank=1, text="rank 1 on b: terminated", ended=143))
        until(lambda: bool(leader.troubles()))
        began = time.monotonic()
        assert leader.cause_of(ended) is ended
        assert time.monotonic() - began < 2


def test_no_launch_begins_without_a_rank_that_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    with led(store) as (leader, _):
        say(store, launch=0, standing="left")
        until(lambda: bool(leader.troubles()))
        with pytest.raises(RunFailedError, match="rank 1 has left before the end"):
            leader.begin(job())


def test_what_others_printed_is_asked_for_by_ending_the_launch() -> None:
    store = Store()
    with led(store) as (leader, _):
        leader.begin(job())
        say(store, launch=1, standing="waiting", output="a traceback")
        assert leader.outputs() == {1: "a traceback"}
        lead = msgspec.json.decode(store.values[status_key(0)], type=Lead)
        assert (lead.begun, lead.over, lead.end) == (1, 1, None)


def test_all_are_told_the_exit_code_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "_FAREWELL_S", 3.0)
    store = Store()
    with led(store) as (leader, _):
        say(store, launch=0, standing="left")
        began = time.monotonic()
        leader.finish(ExitCode.ENVIRONMENT)
        assert time.monotonic() - began < 2.5
        assert leader.exchange.flush(3.0)
        assert msgspec.json.decode(store.values[status_key(0)], type=Lead).end == 7


@contextmanager
def member(store: Store) -> Iterator[tuple[Member, Line]]:
    found, line = exchange(store, 1)
    yield Member(TWO._replace(rank=1, local_rank=1), found), line
    found.close()


def lead(store: Store, **words: int) -> Callable[[], None]:
    def renewed() -> None:
        store.set(status_key(0), msgspec.json.encode(Lead(**words)))
        store.set(f"{status_key(0)}/alive", str(time.monotonic()))

    renewed()
    return renewed


@pytest.mark.parametrize("code", [0, 2, 6, 143])
def test_a_member_ends_as_rank_0_does(code: int) -> None:
    store = Store()
    lead(store, end=code)
    with member(store) as (found, _):
        assert found.serve() == code
        assert msgspec.json.decode(store.values[status_key(1)], type=Status).standing == "left"


def test_a_member_that_hears_nothing_of_rank_0_says_so_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOST_S", 0.5)
    store = Store()
    lead(store, begun=1, over=1)
    with (
        member(store) as (found, _),
        pytest.raises(RunFailedError, match="rank 0 is lost: nothing was heard of it"),
    ):
        found.serve()


def test_a_member_that_takes_no_part_in_a_launch_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    with led(store) as (leader, _), member(store) as (found, _):
        one = run_config(device="cpu", synthetic=True, gpus=1)
        leader.begin(messages.Job(config=one, data=data.load(one)))
        assert leader.all_done  # nobody else is asked to do anything
        monkeypatch.setattr(found, "serve", found._serve)
        until(lambda: found.lead().begun == 1)
        found._take_part(1)
        assert (found._status.standing, found._status.launch) == ("done", 1)


def test_what_a_member_s_machine_refuses_reaches_rank_0_and_all_end_with_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise EnvironmentRefusedError("no room")

    monkeypatch.setattr(following, "prepared", refuse)
    monkeypatch.setattr(following, "_LAST_WORD_S", 5.0)
    store = Store()
    with led(store) as (leader, _), member(store) as (found, _):
        leader.begin(job())
        thread = threading.Thread(target=lambda: codes.append(found.serve()))
        codes: list[int] = []
        thread.start()
        trouble = first(leader)
        assert trouble.refused == "rank 1 on b: no room"
        leader.finish(ExitCode.ENVIRONMENT)
        thread.join(10)
        assert codes == [7]


def test_a_member_gives_up_soon_if_rank_0_was_there_and_went(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first launch, too: it may take long until that begins."""
    monkeypatch.setattr(following, "LOST_S", 0.5)
    store = Store()
    lead(store)
    with member(store) as (found, _), pytest.raises(RunFailedError, match="rank 0 is lost"):
        found.serve()
