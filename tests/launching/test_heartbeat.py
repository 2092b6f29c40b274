from pathlib import Path

from pipebench.launching.heartbeat import COMPUTING, WAITING, Heartbeats, State, culprit


def test_the_culprit_is_the_rank_that_does_not_wait(tmp_path: Path) -> None:
    path = tmp_path / "beats"
    launcher = Heartbeats(path, 3)
    for rank, (state, action) in enumerate([(WAITING, 4), (COMPUTING, 7), (WAITING, 2)]):
        Heartbeats(path, 3).beat(rank, state, action)
    assert culprit(map(launcher.read, range(3))) == 1
    assert (launcher.read(1).action, launcher.read(1).doing) == (7, "computing")


def test_of_several_the_one_longest_in_its_state(tmp_path: Path) -> None:
    beats = Heartbeats(tmp_path / "beats", 2)
    beats.beat(1, COMPUTING, 0)
    beats.beat(0, COMPUTING, 0)
    assert culprit(map(beats.read, range(2))) == 1


def test_where_all_wait_nobody_is_named(tmp_path: Path) -> None:
    beats = Heartbeats(tmp_path / "beats", 2)
    beats.beat(1, WAITING)
    beats.beat(0, WAITING)
    assert culprit(map(beats.read, range(2))) is None


def test_a_rank_that_wrote_nothing_yet_is_starting_and_at_no_action(tmp_path: Path) -> None:
    beats = Heartbeats(tmp_path / "beats", 2)
    beats.beat(0, WAITING)
    assert culprit(map(beats.read, range(2))) == 1
    assert (beats.read(1).doing, beats.read(1).action) == ("starting", -1)


def test_each_state_is_read_as_it_was_written_and_has_words(tmp_path: Path) -> None:
    beats = Heartbeats(tmp_path / "beats", 1)
    assert (beats.read(0).state, beats.read(0).doing) == (State.STARTING, "starting")
    told = []
    for state in State:
        beats.beat(0, state, 7)
        found = beats.read(0)
        assert (found.state, found.action) == (state, 7)
        told.append(found.doing)
    assert told == ["starting", "computing", "waiting for a message", "between steps"]
