"""What ``--model`` names, as text: a built-in model, or ``FILE.py:NAME`` and ``package.module:NAME``. Pure."""

import os


def is_own(model: str) -> bool:
    """Whether ``--model`` names layers of the user's own: a file or a package, and a name in it."""
    return ":" in model


def parted(reference: str) -> tuple[str, str]:
    """The file or the module, and the name in it: what is before and after the last colon."""
    place, _, name = reference.rpartition(":")
    return place, name


def is_file(place: str) -> bool:
    """Whether ``place`` names a file, and not a module."""
    return place.endswith(".py") or any(mark in place for mark in (os.sep, os.altsep) if mark)
