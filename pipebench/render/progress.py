"""Live progress on stderr: a bar in a terminal; elsewhere a line when something new begins."""

import time
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from pipebench.render.inert import inert
from pipebench.run.listener import Doing

_TELLING = 0.1


class ProgressView:
    """Shows what is being measured and the time left; use as a context around the run."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console, self._quiet = console, quiet
        self._last = ""
        self._started = time.perf_counter()
        self._bar: Progress | None = None
        if console.is_terminal and not quiet:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TextColumn("{task.fields[left]}"),
                console=console,
                refresh_per_second=2,  # a refresh takes cache and memory from the measurement
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=1.0, left="")

    def __enter__(self) -> "ProgressView":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def progress(self, doing: Doing, share: float) -> None:
        """Show what the run reports."""
        if self._bar is not None:
            left = _left(time.perf_counter() - self._started, share)
            self._bar.update(self._task, description=doing.text, completed=min(share, 1.0), left=left)
        elif not self._quiet and doing.whole != self._last:  # a log shows each launch once
            self._last = doing.whole
            self._print(f"{share:>4.0%} {doing.text}")

    def notice(self, text: str) -> None:
        """A line on stderr, kept above the bar."""
        if not self._quiet:
            self._print(inert(text))

    def _print(self, text: str) -> None:
        """Print a line; a closed stderr must not end a measurement."""
        if self._bar is not None:
            self._bar.console.print(
                text, markup=False, highlight=False, soft_wrap=True
            )  # a command stays whole
            return
        with suppress(OSError):
            self._console.file.write(f"{text}\n")
            self._console.file.flush()


def _left(elapsed_s: float, share: float) -> str:
    """The time left at the pace so far; nothing while too little is done to tell."""
    if share < _TELLING:
        return ""
    left_s = elapsed_s * (1 - share) / share
    return f"about {left_s / 60:.0f} min left" if left_s > 90 else f"about {left_s:.0f} s left"
