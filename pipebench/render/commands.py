"""Commands in what is told: each stands whole on a line of its own, so that it can be pasted.

    warning  one-launch: ... -> start it a few times more, and join the records:
             pipebench merge FOLDER

A text that proposes a command ends with it, behind a colon. A terminal wraps a line that is wider than it is, and what
is copied from there is still one line. One that we break would be several.
"""

from typing import NamedTuple

from rich.text import Text

from pipebench.render.inert import inert
from pipebench.run.accuracy import HOW_TO_FIND_OUT, TO_FIND_OUT
from pipebench.system import pasting

_NAME = "pipebench"


class Parted(NamedTuple):
    """A text without the commands that it ends with."""

    words: str
    commands: tuple[str, ...] = ()


def parted(text: str) -> Parted:
    """What a text says, and what it proposes to type; the words then end with a colon."""
    if text.endswith(HOW_TO_FIND_OUT):  # two commands in a sentence, as records have it
        return Parted(text.removesuffix(HOW_TO_FIND_OUT).rstrip(), TO_FIND_OUT)
    for program in (pasting.command(), _NAME):
        words, found, rest = text.rpartition(f": {program} ")
        if found:
            return Parted(f"{words}:", (f"{program} {rest}",))
    return Parted(text)


def unbroken(command: str) -> Text:
    """A command as a text that stays on one line, however wide."""
    return Text(inert(command), no_wrap=True)


def rows(name: str, text: str, style: str = "") -> list[tuple[str, str | Text]]:
    """A fact, and below it a line for each command that it ends with."""
    words, commands = parted(text)
    return [(name, Text(inert(words), style)), *(("", unbroken(command)) for command in commands)]
