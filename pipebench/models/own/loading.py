"""The user's model, from the file or the module that ``--model`` names."""

import hashlib
import importlib
import importlib.util
import inspect
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from pipebench.errors import UsageError
from pipebench.models.own.fields import check_fields
from pipebench.models.own.last_word import a, blamed, one_line, said_of
from pipebench.models.own.model import Model
from pipebench.models.own.settings import restored
from pipebench.models.references import is_file, parted
from pipebench.provenance import origins
from pipebench.system.names import as_named
from pipebench.system.reasons import reason

_FORM = "FILE.py:NAME or package.module:NAME is needed"
_MISSING = object()


class Loaded(NamedTuple):
    """A model and where it came from; ``name`` is such as ``blocks:m``, ``sha256`` of the source file's bytes."""

    model: Model
    path: Path
    name: str
    sha256: str


class _Source(NamedTuple):
    """A module that was run, with its file; ``said`` is what it is called in an error."""

    module: ModuleType
    path: Path
    said: str
    sha256: str


def load(reference: str, *, seed: int) -> Model:
    """The model that ``FILE.py:NAME`` or ``package.module:NAME`` names, its fields checked.

    The generators of torch, numpy and Python are seeded before the file runs, and again before ``NAME`` is called.
    The file's folder (for a module: the current folder) goes first on ``sys.path`` and stays there.

    Raises:
        UsageError: There is no such file, module or name; it raises; it is no model; a field is wrong.
    """
    return load_source(reference, seed=seed).model


def load_source(reference: str, *, seed: int) -> Loaded:
    """Load a model as ``load`` does, and tell its source file too.

    Raises:
        UsageError: As ``load``.
        EnvironmentRefusedError: On a side of an ``ab``, a module comes from a place that the side must not import from.
    """
    process = os.getpid()
    with origins.checked(), said_of(reference), restored():
        place, name = _split(reference)
        _seed(seed)
        source = _from_file(place) if is_file(place) else _from_module(place)
        value = _value(source, name)
        _seed(seed)
        model = value if isinstance(value, Model) else _called(value, name)
        if os.getpid() != process:
            os._exit(1)  # the user's file has forked, and this is the fork: it must not go on
        check_fields(model)
        return Loaded(model, source.path, model.name or f"{source.path.stem}:{name}", source.sha256)


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _split(reference: str) -> tuple[str, str]:
    """The file or the module, and the name."""
    place, name = parted(reference)
    if not place or not name.isidentifier():
        remedy = f", such as {one_line(reference)}:model" if is_file(reference) else ""
        raise UsageError(f"no :NAME of a model after the file; {_FORM}{remedy}")
    return place, name


def _from_file(place: str) -> _Source:
    path = Path(as_named(place))
    said = one_line(path.name)
    content = _read(path, said)
    path = path.resolve()
    _first_on_path(path.parent)
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    with _registered(name, module), blamed():
        # Not by the loader: if two versions of a file have equal times and sizes, it would run a stale cache.
        exec(compile(content, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102
    return _Source(module, path, said, hashlib.sha256(content).hexdigest())


@contextmanager
def _registered(name: str, module: ModuleType) -> Iterator[None]:
    """Register a module under its name while it runs, as an import does; it stays there if it runs to its end."""
    sys.modules[name] = module
    try:
        yield
    except BaseException:
        sys.modules.pop(name, None)
        raise


def _read(path: Path, said: str) -> bytes:
    try:
        if path.is_dir():
            raise UsageError(f"{said} is a folder; name a .py file in it")
        if not path.exists():
            other = f"; there is {said}.py" if path.with_name(f"{path.name}.py").is_file() else ""
            raise UsageError(f"there is no file {said} in {one_line(str(path.absolute().parent))}{other}")
        if path.suffix != ".py" or not path.is_file():
            raise UsageError(f"{said} is no .py file; {_FORM}")
        return path.read_bytes()
    except UsageError:  # is a ValueError too
        raise
    except OSError as error:
        raise UsageError(f"{said} cannot be read: {reason(error)}") from None
    except ValueError as error:  # a null character in the name
        raise UsageError(f"{said} cannot be a file's name: {one_line(str(error))}") from None


def _first_on_path(folder: Path) -> None:
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))


def _module_name(path: Path) -> str:
    """The file's stem, so that pickles find the module; another name if some other module has that one."""
    stem = path.stem
    there = sys.modules.get(stem)
    same = there is not None and getattr(there, "__file__", None) == str(path)
    taken = (there is not None and not same) or stem in sys.stdlib_module_names or "." in stem
    return f"pipebench_own_{stem.replace('.', '_')}" if taken else stem


def _from_module(place: str) -> _Source:
    if not all(part.isidentifier() for part in place.split(".")):
        raise UsageError(f"{one_line(place)} is neither a .py file nor a module's name; {_FORM}")
    _first_on_path(Path.cwd())
    importlib.invalidate_caches()
    path = _module_path(place)
    with blamed():
        module = importlib.import_module(place)
    return _Source(module, path, one_line(place), hashlib.sha256(_read(path, path.name)).hexdigest())


def _module_path(place: str) -> Path:
    """The file of a module; its packages are imported on the way."""
    parts = place.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        with blamed():
            spec = importlib.util.find_spec(name)
        if spec is None:
            raise UsageError(f"there is no module {one_line(name)}, in the current folder or installed")
    assert spec is not None
    if not spec.has_location or not spec.origin or not spec.origin.endswith(".py"):
        raise UsageError(f"{one_line(place)} has no .py file; {_FORM}")
    return Path(spec.origin)


def _value(source: _Source, name: str) -> object:
    with blamed():
        value = getattr(source.module, name, _MISSING)
    if value is not _MISSING:
        return value
    found = _candidates(source.module)
    has = (
        f"it has: {', '.join(found)}"
        if found
        else "it has no pipebench.Model, and no function that makes one"
    )
    raise UsageError(f"no {one_line(name)} in {source.said}; {has}")


def _candidates(module: ModuleType) -> list[str]:
    """The names of models and of the module's own functions that need no arguments; twenty at most."""
    named = [(name, value) for name, value in vars(module).items() if not name.startswith("_")]
    models = [name for name, value in named if isinstance(value, Model)]
    functions = [name for name, value in named if _could_make(value, module)]
    return [*models, *functions][:20]


def _could_make(value: object, module: ModuleType) -> bool:
    return (
        inspect.isfunction(value) and value.__module__ == module.__name__ and _needed_arguments(value) == ""
    )


def _needed_arguments(function: Callable[..., object]) -> str:
    """The arguments that a function needs, such as ``width, depth``; empty if Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return ""
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return ", ".join(p.name for p in parameters if p.default is p.empty and p.kind not in free)


def _called(value: Any, name: str) -> Model:
    """The model that the function returns, checked."""
    wanted = "a pipebench.Model or a function without arguments that returns one is needed"
    if isinstance(value, nn.Module) or not callable(value):
        raise UsageError(f"{name} is {a(value)}; {wanted}")
    needed = _needed_arguments(value)
    if needed:
        raise UsageError(f"{name} needs arguments ({one_line(needed)}); {wanted}")
    with blamed():
        model = value()
    if model is None:
        raise UsageError(f"{name} returns None; does it lack a return? {wanted}")
    if not isinstance(model, Model):
        raise UsageError(f"{name} returns {a(model)}; {wanted}")
    return model
