"""Who watches while something is measured."""

from typing import NamedTuple, Protocol


class Doing(NamedTuple):
    """What is being done, in words: the whole, such as ``launch 1 of 6``, and its parts, from large to small."""

    whole: str
    parts: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: tuple[str, ...]) -> "Doing":
        """Made of words, from the whole to the smallest part; there is at least one."""
        whole, *parts = words
        return cls(whole, tuple(parts))

    @property
    def text(self) -> str:
        """All of it, such as ``launch 1 of 6: racing baselines: chain x4``."""
        return ": ".join((self.whole, *self.parts))

    @property
    def smallest(self) -> str:
        """The last part alone, such as ``chain x4``."""
        return (self.whole, *self.parts)[-1]


class Listener(Protocol):
    """Hears of progress; shows it or not."""

    def progress(self, doing: Doing, share: float) -> None:
        """What is being measured, and the share (0 to 1) of all that may be done."""

    def notice(self, text: str) -> None:
        """A line that the user should see."""
