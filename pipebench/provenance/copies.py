"""Packages that are installed from the user's repository: their files are a copy, whatever a ref has. Pure."""

import configparser
import os
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec


class Copies(NamedTuple):
    """Files of the copies, and folders of packages that are installed in place; links are resolved."""

    files: frozenset[str]
    folders: tuple[str, ...]


@cache
def copies(top: str) -> Copies:
    """The copies among this interpreter's packages: installed from the working tree, or with its project's name."""
    name = _project(Path(top))
    files, folders = set[str](), list[str]()
    for each in distributions():
        source = _source(each)
        inside = source is not None and Path(source).is_relative_to(top)
        if inside or (name is not None and _plain(each.name) == name):
            files.update(os.path.realpath(file.locate()) for file in each.files or ())
            folders += [source] if source is not None and Path(source).is_dir() else []
    return Copies(frozenset(files), tuple(folders))


def _source(distribution: Distribution) -> str | None:
    """The folder or file of this machine that a package was installed from, as pip wrote it down (PEP 610)."""
    text = distribution.read_text("direct_url.json")
    if not text:
        return None
    try:
        url = urlsplit(str(_within(msgspec.json.decode(text), "url")))
    except (msgspec.MsgspecError, ValueError):
        return None
    return os.path.realpath(unquote(url.path)) if url.scheme == "file" else None


def _project(top: Path) -> str | None:
    """The name of the project in this folder."""
    return next((_plain(name) for name in _names(top) if isinstance(name, str)), None)


def _names(top: Path) -> Iterator[object]:
    try:
        found = tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    yield _within(found, "project", "name")
    yield _within(found, "tool", "poetry", "name")
    old = configparser.ConfigParser(interpolation=None)
    try:
        old.read(top / "setup.cfg", encoding="utf-8")
    except (configparser.Error, ValueError):
        return
    yield old.get("metadata", "name", fallback=None)


def _within(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _plain(name: str | None) -> str:
    """A package's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name or "").lower()
