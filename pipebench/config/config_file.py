"""Options in a file of the working folder: ``pipebench.toml``, or ``[tool.pipebench]`` of ``pyproject.toml``.

    [run]                       a table for each command, [baseline.save] for one of a group
    gpus = 4                    an option by its long name
    synthetic = true            a switch
    [check]
    gate = ["speedup=3%"]       an option that is repeatable

Errors name the file, the table and the key. Pure.
"""

import os
import re
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from pipebench.errors import UsageError
from pipebench.system import reasons

FILE, PROJECT = "pipebench.toml", "pyproject.toml"
_OURS = re.compile(rb"tool\s*\.\s*[\"']?pipebench|pipebench[\"']?\s*=\s*\{")
SWITCH = "PIPEBENCH_NO_CONFIG"  # a variable: while it is set, no file is read
_TOOL = ("tool", "pipebench")
_MOST = 2**63 - 1
_FEW = 8  # names in an error
_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    Path: "a path in quotes",
}


class Option(NamedTuple):
    """An option as a file may give it: its parameter, the kind of its value, and whether that is a list.

    ``inverted``: its name switches off, as ``--lower-is-better`` does.
    """

    parameter: str
    kind: type
    repeatable: bool = False
    inverted: bool = False


class Table(NamedTuple):
    """A table of a file, whose ``path`` are the names that lead to it."""

    file: str
    path: tuple[str, ...]
    entries: Mapping[str, object]

    def within(self, name: str, known: Collection[str]) -> "Table | None":
        """The table of this name in this one, if it is there.

        Raises:
            UsageError: It is no table, or this table has a name that is not among the ``known``.
        """
        for each in self.entries:
            if each not in known:
                raise UsageError(f"{self._where(each)}: no such command{_near(each, known)}")
        found = self.entries.get(name, {})
        if not isinstance(found, dict):
            raise UsageError(f"{self._where(name)}: expected a table, found {_text(found)}")
        return Table(self.file, (*self.path, name), found) if found else None

    def values(self, options: Mapping[str, Option]) -> dict[str, object]:
        """What the table gives to a command that has these ``options``, by parameter.

        Raises:
            UsageError: A key is no option, a value is of another type, or an option is given by two names.
        """
        given: dict[str, str] = {}
        result: dict[str, object] = {}
        for name, value in self.entries.items():
            option = options.get(name)
            if option is None:
                raise UsageError(
                    f"{self._where(name)}: no such option of {self.path[-1]}{_near(name, options)}"
                )
            before = given.setdefault(option.parameter, name)
            if before != name:
                raise UsageError(f"{self._where(name)}: the same option as {before}: leave one out")
            result[option.parameter] = self._value(name, value, option)
        return result

    def _value(self, name: str, value: object, option: Option) -> object:
        found = value if option.repeatable and isinstance(value, list) else [value]
        if option.repeatable is not isinstance(value, list) or not all(
            _is(each, option.kind) for each in found
        ):
            kind = _KINDS[option.kind]
            expected = f"a list, each entry {kind}" if option.repeatable else kind
            raise UsageError(f"{self._where(name)}: expected {expected}, found {_text(value)}")
        if any(type(each) is int and abs(each) > _MOST for each in found):
            raise UsageError(f"{self._where(name)}: expected a number of at most {_MOST}, found a larger one")
        if any(isinstance(each, str) and "\0" in each for each in found):
            raise UsageError(
                f"{self._where(name)}: expected text without NUL, which no command line can hold"
            )
        return not value if option.inverted else value

    def _where(self, key: str) -> str:
        table = f" [{'.'.join(self.path)}]" if self.path else ""
        return f"{self.file}:{table} {key}"


def read(folder: Path) -> Table | None:
    """The options that a folder's file holds, if there is one; ``pipebench.toml`` counts before ``pyproject.toml``.

    Raises:
        UsageError: It cannot be read, or is no TOML.
    """
    content = _content(folder / FILE)
    if content is not None:
        return Table(FILE, (), _parsed(content, FILE))
    content = _content(folder / PROJECT)
    if content is None or not _OURS.search(content):  # not ours, so its errors are not for us to tell
        return None
    entries: object = _parsed(content, PROJECT)
    for name in _TOOL:
        entries = entries.get(name) if isinstance(entries, dict) else None
    if entries is not None and not isinstance(entries, dict):
        raise UsageError(f"{PROJECT}: [tool] pipebench: expected a table, found {_text(entries)}")
    return Table(PROJECT, _TOOL, entries) if entries else None


def is_switched_off() -> bool:
    """Whether the environment says that no file is to be read."""
    return bool(os.environ.get(SWITCH))


def _content(path: Path) -> bytes | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path.name}: expected a file, found something else of this name")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{path.name}: cannot be read: {reasons.reason(error)}") from None


def _parsed(content: bytes, name: str) -> dict[str, object]:
    import tomllib  # noqa: PLC0415 - only where there is a file

    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: expected UTF-8 text, found another byte at {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: expected TOML: {error}") from None


def _is(value: object, kind: type) -> bool:
    """Whether a value is of a kind; a whole number is a number too, but true is not."""
    if kind is Path:
        return isinstance(value, str)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _text(value: object) -> str:
    """A value as an error shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) > _MOST:
        return "a number with many digits"
    return f'the text "{value:.40}"' if isinstance(value, str) else f"{value}"


def _near(name: str, known: Collection[str]) -> str:
    """The known name that is meant, as the end of an error; where none is near, all of them."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    near = get_close_matches(name, known, 1) or get_close_matches(
        name.replace("_", "-").lstrip("-"), known, 1
    )
    if near:
        return f"; did you mean {near[0]}?"
    return f"; expected {', '.join(known)}" if len(known) <= _FEW else "; see --help"
