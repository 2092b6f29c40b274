"""What a shell may complete beside commands and options: names that an option or an argument takes.

Each function is given to typer as ``autocompletion``. Nothing is looked up before a shell asks. Typer leaves out what
does not begin as typed, and where nothing is left, the shell completes files.

Unless a shell asks, no function is registered, since typer takes some milliseconds to read each signature.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import typer

Completion = Callable[[typer.Context, str], list[str]] | None
_ASKED = "_PIPEBENCH_COMPLETE" in os.environ


def _when_asked(complete: Callable[[typer.Context, str], list[str]]) -> Completion:
    return complete if _ASKED else None


def among(*names: str) -> Completion:
    """The completion of an option that takes one of these names."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001 - as typer calls it
        return list(names)

    return _when_asked(complete)


@_when_asked
def schedules(context: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001 - as typer calls it
    """The schedules."""
    from pipebench.plan.schedules import SCHEDULES

    return list(SCHEDULES)


@_when_asked
def presets(context: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001 - as typer calls it
    """The presets of the model that is named before, else of all models."""
    from pipebench.models.registry import MODELS

    named = MODELS.get(context.params.get("model") or "")
    kinds = MODELS.values() if named is None else [named]
    return list(dict.fromkeys(name for kind in kinds for name in kind.presets))


@_when_asked
def records(context: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001 - as typer calls it
    """``latest`` and the ids of the records in the folder of ``--output``, the newest first."""
    return _records(context)


@_when_asked
def baselines(context: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001 - as typer calls it
    """The names of the saved baselines."""
    return _baselines()


@_when_asked
def records_and_baselines(context: typer.Context, incomplete: str) -> list[str]:  # noqa: ARG001 - as typer calls it
    """The names of both, where either may be meant."""
    return [*_baselines(), *_records(context)]


def _records(context: typer.Context) -> list[str]:
    from pipebench.errors import PipebenchError
    from pipebench.records import folders, store

    folder = context.params.get("folder") or store.DEFAULT_FOLDER
    with suppress(PipebenchError, OSError):
        found = [path.stem for path in reversed(folders.paths(Path(folder)))]
        return ["latest", *found] if found else []
    return []


def _baselines() -> list[str]:
    from pipebench.comparison.baselines import DEFAULT_FOLDER

    with suppress(OSError):
        return sorted({path.parent.name for path in DEFAULT_FOLDER.glob("*/*.json")})
    return []
