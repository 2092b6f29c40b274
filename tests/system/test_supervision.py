import os
import signal
import threading
import time
from math import inf
from pathlib import Path

import pytest

from pipebench.errors import DeadlineError
from pipebench.system import supervision
from pipebench.system.supervision import supervised


def test_the_deadline_ends_what_waits_and_names_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    began = time.monotonic()
    with (
        pytest.raises(DeadlineError, match="the deadline passed while reading a pipe: give more time with"),
        supervised(began + 0.1, lambda _: None) as phase,
    ):
        phase("reading a pipe")
        (tmp_path / "pipe").read_bytes()  # nobody writes to it
    assert 0.1 <= time.monotonic() - began < 30


def test_a_deadline_that_has_passed_ends_at_once() -> None:
    with pytest.raises(DeadlineError), supervised(time.monotonic() - 5, lambda _: None):
        time.sleep(30)


def test_what_takes_long_is_told_once_and_what_does_not_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_LONG_S", 0.1)
    monkeypatch.setattr(supervision, "_TICK_S", 0.02)
    told: list[str] = []
    with supervised(inf, told.append) as phase:
        phase("short")
        phase("long")
        until = time.monotonic() + 0.4
        while time.monotonic() < until:
            pass
        phase("short again")
    assert told == ["long"]


def test_nothing_rings_behind_it() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with supervised(time.monotonic() + 0.05, lambda _: None):
        pass
    time.sleep(0.1)
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_error_that_a_finalizer_swallows_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_AGAIN_S", 0.1)
    with pytest.raises(DeadlineError), supervised(time.monotonic() + 0.05, lambda _: None):
        try:
            time.sleep(30)
        except DeadlineError:
            time.sleep(30)


def test_a_thread_works_without_an_alarm() -> None:
    done: list[str] = []

    def work() -> None:
        with supervised(time.monotonic() - 1, lambda _: None) as phase:
            phase("working")
            done.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["done"]
