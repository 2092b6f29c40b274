r"""Commands that pipebench suggests: whatever names they hold, a shell takes them as they are printed.

A word that is more than a plain one is quoted; one that would not be printed as it is (a line's end, bytes that are no
text, letters that the output cannot show) is written as bash, zsh and ksh read it: ``$'caf\xc3\xa9'``.
"""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

_PROGRAM = "pipebench"
_BACK = re.compile(r"\w+~\d+", re.ASCII)  # latest~1, HEAD~1: this tilde means nothing to any shell
_AS_IT_IS = frozenset(range(0x20, 0x7F)) - frozenset(b"'\\:#")  # colons and hashes: commands to a CI runner


def command(*words: str) -> str:
    """A command line of pipebench, which is started as it was this time."""
    return " ".join([_program(), *map(quoted, words)])


def path_word(path: str | Path) -> str:
    """A path as an argument that is not taken for an option."""
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


def option(name: str, value: str) -> list[str]:
    """An option and its value, also one that looks like an option."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]


def quoted(word: str) -> str:
    """The word as a shell reads it."""
    if _BACK.fullmatch(word):
        return word
    if word.isprintable() and "::" not in word and "##[" not in word and _is_shown(word):
        return shlex.quote(word)
    letters = (chr(byte) if byte in _AS_IT_IS else f"\\x{byte:02x}" for byte in _bytes(word))
    return f"$'{''.join(letters)}'"


def _is_shown(word: str) -> bool:
    """Whether stdout and stderr show all of it."""
    try:
        for stream in (sys.stdout, sys.stderr):
            word.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _bytes(word: str) -> bytes:
    try:
        return os.fsencode(word)
    except UnicodeEncodeError:  # it is not from the system
        return word.encode("utf-8", "replace")


def _program() -> str:
    """How pipebench is started again: by its name where that leads to this one, else as it was started."""
    started = Path(sys.argv[0]) if sys.argv and sys.argv[0] else Path(_PROGRAM)
    as_module = started.parts[-2:] == (_PROGRAM, "__main__.py")
    if not as_module and started.name != _PROGRAM:
        return _PROGRAM  # within another program, such as a test
    found = shutil.which(_PROGRAM)
    own = Path(sys.executable).with_name(_PROGRAM) if as_module else started
    if found is not None and own.exists() and Path(found).samefile(own):
        return _PROGRAM
    return f"{quoted(sys.executable)} -m {_PROGRAM}" if as_module else quoted(path_word(started))
