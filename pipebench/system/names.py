"""Names as the system has them, which is bytes, and as text.

Python makes a surrogate of each byte of an argument or a file's name that the locale cannot decode. Where the locale is
``C``, these are all bytes of a UTF-8 name that are not ASCII.
"""

import os
from pathlib import Path


def as_text(name: str) -> str:
    r"""The name as UTF-8 text; bytes that are not text are written out, as in ``\xff``."""
    if name.isascii():
        return name
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a surrogate that no byte was turned into
        return name


def is_text(name: str) -> bool:
    """Whether all of a name is UTF-8 text."""
    try:
        name.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        return False
    return True


def as_named(text: str) -> str:
    """The reverse of ``as_text``, unless that wrote bytes out: the name by which the system finds a file."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def path_text(path: Path) -> str:
    r"""A path that JSON and terminals can hold; bytes of a name that are no text are written out, as in ``\xff``."""
    return as_text(str(path))
