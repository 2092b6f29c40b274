"""Modules of a checkout in whose place something else of the same name was imported. Pure."""

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PROJECT = frozenset({"pyproject.toml", "setup.cfg", "setup.py"})


def shadowed(name: str, path: str, own: str, *, packages_only: bool = False) -> str | None:
    """The file of the checkout that a module of this name would be, if it is not the one that was imported.

    Args:
        name: the module's name, such as ``package.layers``.
        path: its file, or a package's folder.
        own: the checkout.
        packages_only: whether single files of the checkout do not count, since they often have usual names.

    Returns:
        Its path below the checkout; ``None`` where nothing could import such a module from it.
    """
    if Path(path).suffix not in {".py", ".pyc"}:
        return None  # a package's folder goes with its file; a built extension is no source of a checkout
    top, *rest = name.split(".")
    for root in (*_roots(own), *_on_path(own)):
        package = (root / top / "__init__.py").is_file()
        if packages_only and not package:
            continue
        stem = root.joinpath(top, *rest)
        for found in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if found.is_file():
                return str(found.relative_to(own))
    return None


@cache
def _roots(own: str) -> tuple[Path, ...]:
    """Where a checkout's modules are imported from: its top, each project's folder in it, and the ``src`` of these."""
    found = [Path(own)]
    for folder, inside, files in os.walk(own):
        inside[:] = [each for each in inside if not each.startswith(".")]
        if _PROJECT.intersection(files):
            found.append(Path(folder))
    return tuple(dict.fromkeys(each for root in found for each in (root, root / "src") if each.is_dir()))


def _on_path(own: str) -> Iterator[Path]:
    """The folders of the checkout that Python searches."""
    for entry in sys.path:
        folder = Path(os.path.realpath(entry or "."))
        if folder.is_relative_to(own):
            yield folder
