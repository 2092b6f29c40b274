"""Where modules of one side of an ``ab`` come from: those of the user's repository only from the side's own checkout.

Two refs of the user's repository are two checkouts. A module that comes from the working tree instead (an editable
install, PYTHONPATH, a .pth file), from the other checkout, or from a copy of the repository's package that both sides
see (installed, or a folder on the path), is the same code on both, and would be compared with itself. ``ab`` says in a
variable where a side must not import from. The processes that load the user's layers look at what they have imported:
when the layers are loaded, when they were run, and when they were timed. Pure.
"""

import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType

import msgspec

from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.provenance.copies import copies
from pipebench.provenance.shadows import shadowed
from pipebench.system.names import as_text

VARIABLE = "PIPEBENCH_ORIGINS"
INSTALLED = frozenset({"site-packages", "dist-packages"})  # the folders that packages are installed in
_OURS = os.path.realpath(Path(__file__).parents[1])
_REMEDY = (
    "uninstall it, or take that folder out of PYTHONPATH, and let the model's file put its own folders on sys.path "
    "(relative to __file__); or give each side an environment of its own with --a-python and --b-python"
)


class Origins(msgspec.Struct, frozen=True):
    """What a side is told.

    ``own`` is its checkout, ``top`` the working tree that the user stands in, ``foreign`` all folders of the repository
    that the side must not import from; ``shared`` says that both sides have one interpreter.
    """

    own: str
    top: str
    foreign: tuple[str, ...]
    shared: bool

    def encoded(self) -> str:
        """The text of the variable."""
        return json.dumps(msgspec.to_builtins(self))  # not by msgspec: a folder's name need not be text


def told() -> Origins | None:
    """What this process was told; ``None`` where nothing is to be checked.

    Raises:
        EnvironmentRefusedError: The variable holds something else.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        return msgspec.convert(json.loads(text), Origins)
    except ValueError as error:
        raise EnvironmentRefusedError(f"{VARIABLE} is for pipebench ab alone: unset it ({error})") from None


def check() -> None:
    """Make sure that all modules of the repository come from this side's checkout, and that some do.

    Raises:
        EnvironmentRefusedError: One comes from elsewhere, or nothing at all comes from the checkout.
    """
    origins = told()
    if origins is None:
        return
    _check_foreign(origins)
    if not any(_is_below(path, origins.own) for _, path in _loaded()):
        raise EnvironmentRefusedError(
            f"no module comes from this side's checkout of {as_text(origins.top)}: both sides would run the same code; "
            "name the model's file relative to the folder that you are in, or uninstall what is taken in its place"
        )


@contextmanager
def checked() -> Iterator[None]:
    """Do ``check`` at the end; where the user's code fails, a module from elsewhere is told as the cause.

    Raises:
        EnvironmentRefusedError: As ``check``.
    """
    try:
        yield
    except UsageError:
        origins = told()
        if origins is not None:
            _check_foreign(origins)
        raise
    check()


def _check_foreign(origins: Origins) -> None:
    for name, path in _loaded():
        why = _why_foreign(name, path, origins)
        if why:
            raise EnvironmentRefusedError(
                f"module {name} comes from {as_text(path)}, {why}: both sides would run the same code; {_REMEDY}"
            )


def _why_foreign(name: str, path: str, origins: Origins) -> str:
    """Why a module must not be imported; empty if it may be."""
    if any(_is_below(path, each) for each in (origins.own, _OURS)):
        return ""
    is_installed = bool(INSTALLED.intersection(Path(path).parts))
    found = copies(origins.top) if origins.shared else None
    if found is not None and path in found.files:
        return f"a copy of what is in {as_text(origins.top)}"
    if found is not None and any(_is_below(path, each) for each in found.folders):
        return "not from this side's checkout"
    if not is_installed and any(_is_below(path, each) for each in _standard()):
        return ""
    return _why_elsewhere(name, path, origins, is_installed=is_installed)


def _why_elsewhere(name: str, path: str, origins: Origins, *, is_installed: bool) -> str:
    """The same for a module that is neither the side's own nor Python's."""
    if not is_installed and any(_is_below(path, each) for each in origins.foreign):
        return "not from this side's checkout"
    if is_installed and not origins.shared:
        return ""
    instead = shadowed(name, path, origins.own, packages_only=is_installed)
    return f"in place of {as_text(instead)} of this side's checkout" if instead else ""


def _loaded() -> Iterator[tuple[str, str]]:
    """Each module's file, and the folders of each package, without links."""
    for name, module in list(sys.modules.items()):
        for path in _paths(module):
            yield name, path


def _paths(module: ModuleType) -> Iterator[str]:
    said = getattr(module, "__dict__", {})  # a module may invent any attribute, as torch.classes does
    try:
        places = [said.get("__file__"), *(said.get("__path__") or ())]
    except Exception:  # noqa: BLE001 - a package's path may be any object
        places = [said.get("__file__")]
    for place in places:
        if isinstance(place, str) and os.path.isabs(place):  # noqa: PTH117 - thousands of them
            yield _resolved(place)


@cache
def _resolved(path: str) -> str:
    return os.path.realpath(path)


@cache
def _standard() -> tuple[str, ...]:
    """Where this interpreter's own modules are, which may be below the repository."""
    return tuple(os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))  # noqa: PTH118 - thousands of them
