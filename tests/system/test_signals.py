import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from pipebench.errors import InterruptedRunError, TerminatedRunError
from pipebench.system.signals import held, orderly_end


def restored(number: int) -> None:
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGINT, InterruptedRunError),
        (signal.SIGTERM, TerminatedRunError),
        (signal.SIGHUP, TerminatedRunError),
    ],
)
def test_the_first_signal_is_an_error_and_the_next_ones_wait(number: int, error: type[Exception]) -> None:
    try:
        with pytest.raises(error), orderly_end():
            try:
                os.kill(os.getpid(), number)
            finally:
                os.kill(os.getpid(), number)  # would be a second error in the midst of the ending
    finally:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            restored(each)


def test_nohup_is_respected() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with orderly_end():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        restored(signal.SIGHUP)


def test_a_held_signal_comes_when_the_work_is_done() -> None:
    done = []
    try:
        with pytest.raises(InterruptedRunError), orderly_end():
            with held():
                os.kill(os.getpid(), signal.SIGINT)
                done.append("whole")
            done.append("never reached")
    finally:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            restored(each)
    assert done == ["whole"]


@pytest.mark.parametrize("depth", [1, 2])
def test_a_signal_that_another_thread_lets_in_is_held_too(depth: int) -> None:
    """A signal that the main thread blocks goes to any thread that does not, and Python handles it in the main one."""
    over, done = threading.Event(), []
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        with pytest.raises(TerminatedRunError), orderly_end():
            with ExitStack() as holds:
                for _ in range(depth):
                    holds.enter_context(held())
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.05)
                done.append("whole")
            done.append("never reached")
        with held():
            pass  # nothing of it is left
    finally:
        over.set()
        other.join()
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            restored(each)
    assert done == ["whole"]


def test_a_late_second_signal_ends_at_once() -> None:
    script = (
        "import os, signal, time\n"
        "from pipebench.system import signals\n"
        "signals._IMPATIENT_S = 0.05\n"
        "try:\n"
        "    with signals.orderly_end():\n"
        "        try: os.kill(os.getpid(), signal.SIGTERM)\n"
        "        finally:\n"
        "            time.sleep(0.1); os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)\n"
        "finally: print('in order')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (143, "")
