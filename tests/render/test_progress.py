import io

import pytest
from rich.console import Console

from pipebench.render.progress import ProgressView, _left
from pipebench.run.listener import Doing


def test_a_log_shows_each_launch_once_and_notices() -> None:
    out = io.StringIO()
    with ProgressView(Console(file=out), quiet=False) as view:
        view.notice("device: emulated")
        for doing, share in [
            (Doing("launch 1 of 2", ("starting",)), 0.0),
            (Doing("launch 1 of 2", ("timing",)), 0.3),
            (Doing("launch 2 of 2", ("x", "y")), 0.5),
            (Doing("reading C: one"), 0.6),
            (Doing("reading C: two"), 0.6),
        ]:
            view.progress(doing, share)
    assert out.getvalue().splitlines() == [
        "device: emulated",
        "  0% launch 1 of 2: starting",
        " 50% launch 2 of 2: x: y",
        " 60% reading C: one",
        " 60% reading C: two",
    ]


def test_quiet_says_nothing() -> None:
    out = io.StringIO()
    with ProgressView(Console(file=out), quiet=True) as view:
        view.notice("a")
        view.progress(Doing("b"), 0.5)
    assert out.getvalue() == ""


def test_a_stderr_that_nobody_reads_does_not_end_a_measurement() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with ProgressView(Console(file=Closed()), quiet=False) as view:
        view.progress(Doing("launch 1"), 0.0)
        view.notice("a")


def test_a_terminal_gets_a_bar_that_goes_away() -> None:
    out = io.StringIO()
    with ProgressView(Console(file=out, force_terminal=True, width=80), quiet=False) as view:
        view.progress(Doing("launch [1] of 2", ("timing",)), 0.5)
    assert "launch [1] of 2: timing" in out.getvalue()


@pytest.mark.parametrize(
    ("elapsed", "share", "text"),
    [
        (5.0, 0.05, ""),
        (10.0, 0.5, "about 10 s left"),
        (60.0, 0.1, "about 9 min left"),
        (9.0, 1.0, "about 0 s left"),
    ],
)
def test_the_time_left_is_told_when_there_is_something_to_tell(
    elapsed: float, share: float, text: str
) -> None:
    assert _left(elapsed, share) == text


def test_a_terminal_gets_a_notice_on_one_line_that_it_wraps_itself() -> None:
    out, text = io.StringIO(), f"to go on: pipebench run {'--text x ' * 12}"
    with ProgressView(Console(file=out, force_terminal=True, width=40), quiet=False) as view:
        view.notice(text)
    assert text.strip() in out.getvalue()
