"""Modules of a checkout that something else of the same name is imported in place of. Pure."""

import os
from collections import defaultdict
from functools import cache
from pathlib import Path


def shadowed(name: str, path: str, own: str) -> str | None:
    """The file of the checkout that a module of this name would be, if it is not the one that was imported.

    Args:
        name: of the module, such as ``package.layers``.
        path: its file, or a package's folder.
        own: the checkout.

    Returns:
        Its path below the checkout; ``None`` where the checkout has no such module.
    """
    stem = os.path.join(*name.split("."))  # noqa: PTH118 - compared as text
    tails = [f"{stem}.py", os.path.join(stem, "__init__.py")]  # noqa: PTH118 - likewise
    if Path(path).suffix != ".py":
        return None  # a package's folder goes with its file; a built extension is no source of a checkout
    for tail in tails:
        for found in _sources(own).get(os.path.basename(tail), ()):  # noqa: PTH119 - likewise
            root = found.removesuffix(tail)
            if root + tail == found and _is_root(Path(own, root)):
                return found
    return None


def _is_root(folder: Path) -> bool:
    """Whether modules can be imported from here by this name: a folder of the search path is no package itself."""
    return not (folder / "__init__.py").exists()


@cache
def _sources(own: str) -> dict[str, list[str]]:
    """Python files below the checkout, by their last name."""
    found: dict[str, list[str]] = defaultdict(list)
    for folder, inside, files in os.walk(own):
        inside[:] = [each for each in inside if not each.startswith(".")]
        for file in files:
            if file.endswith(".py"):
                found[file].append(os.path.relpath(os.path.join(folder, file), own))  # noqa: PTH118 - thousands
    return found
