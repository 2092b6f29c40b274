"""Who watches while something is measured."""

from typing import Protocol


class Listener(Protocol):
    """Hears of progress; shows it or not."""

    def progress(self, doing: str, share: float) -> None:
        """What is being measured, and the share (0 to 1) of all that may be done."""

    def notice(self, text: str) -> None:
        """A line that the user should see."""
