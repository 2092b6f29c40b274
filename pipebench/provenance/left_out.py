"""What the user's working tree has and a checkout of a ref does not: files that git does not have, submodules. Pure."""

import re
import sys
from collections.abc import Iterator
from importlib.machinery import all_suffixes
from pathlib import Path

from pipebench.provenance.origins import told
from pipebench.system.names import as_text

_POINTER = (
    b"version https://git-lfs.github.com/spec/"  # how a file of Git LFS begins until git-lfs has put it there
)

_NOT_IN_PACKAGE = re.compile(r"cannot import name '(\w+)'")  # ``from package import name``, as Python says it


def is_pointer(path: Path) -> bool:
    """Whether Git LFS has the file's content, and this is what stands for it.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(_POINTER)) == _POINTER


def why_left_out(path: Path, top: Path) -> str:
    """Why a checkout lacks what the working tree ``top`` has at ``path``; empty if it has nothing there either."""
    below = path.relative_to(top)
    nested = [folder for folder in below.parents if folder.parts and (top / folder / ".git").exists()]
    if nested:
        return f"it lies in the submodule {as_text(str(nested[-1]))}, which a checkout of a ref leaves empty"
    if not path.exists():
        return ""
    return (
        f"{as_text(str(below))} is in the working tree and not in this ref: git does not have it there (not added, "
        "ignored, or built in place, as extensions are)"
    )


def hint(error: BaseException) -> str:
    """What to add to an error of the user's code in a checkout; empty unless the working tree has what it misses."""
    origins = told()
    if origins is None:
        return ""
    own, top = Path(origins.own), Path(origins.top)
    wanted = [path for path in _wanted(error) if path.is_relative_to(own) and not path.exists()]
    found = (why_left_out(top / path.relative_to(own), top) for path in wanted)
    return next((f"; {why}" for why in found if why), "")


def _wanted(error: BaseException) -> Iterator[Path]:
    """The places where the file or module that was not found could have been."""
    if isinstance(error, FileNotFoundError):
        if isinstance(error.filename, str):
            yield Path(error.filename).absolute()
    elif isinstance(error, ImportError) and error.name:
        named = _NOT_IN_PACKAGE.match(str(error))
        yield from _places(f"{error.name}.{named[1]}" if named else error.name)


def _places(module: str) -> Iterator[Path]:
    """The folder, and the files of all kinds, that an import looks for."""
    *packages, name = module.split(".")
    known = getattr(sys.modules.get(".".join(packages)), "__path__", None)
    for folder in known or [Path(each, *packages) for each in sys.path]:
        place = Path(folder).resolve() / name
        for suffix in all_suffixes():
            yield place.with_name(name + suffix)
        yield place
