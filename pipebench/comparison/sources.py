"""From the names on a command line to what is compared."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pipebench.comparison import baselines, fields, run_fields
from pipebench.errors import MissingError, NotComparableError, UsageError
from pipebench.plan.schedules import SCHEDULES
from pipebench.records import store
from pipebench.records.baseline import BaselineRecord
from pipebench.records.command import Comparable
from pipebench.records.run import RunRecord
from pipebench.records.selection import COMPARABLE, Search, Source, check_name, in_folder, select
from pipebench.system import pasting

By = Literal["schedule", "gpus"]

# The order of a study's runs: schedules as they are listed everywhere, devices by their number.
_ORDERS: dict[By, Callable[[RunRecord], tuple[int, str]]] = {
    "schedule": lambda record: (
        list(SCHEDULES).index(record.config.schedule)
        if record.config.schedule in SCHEDULES
        else len(SCHEDULES),
        record.config.schedule,
    ),
    "gpus": lambda record: (record.device.count, ""),
}


def by_named(text: str | None) -> By | None:
    """Check the value of ``--by``.

    Raises:
        UsageError: There is no such value.
    """
    if text is not None and text not in _ORDERS:
        raise UsageError(f"--by {text!r}: expected one of {', '.join(_ORDERS)}")
    return text


def compared(
    names: Sequence[str], folder: Path, by: By | None = None, allowed: frozenset[str] = frozenset()
) -> list[Source]:
    """The records to compare, the reference first; with ``by`` a folder stands for its newest run of each kind.

    A folder may hold several studies. If a reference was named before, only the runs count that can be compared with
    it; else only those that can be compared with the folder's newest run.

    A name of saved baselines stands for the one that can be compared with the first run that is named in another
    way. Without such a run there must be only one baseline of this name.

    Raises:
        UsageError: A name stands for nothing, or fewer than two records are named.
        MissingError: A baseline has no run of this configuration.
        NotComparableError: The records are not of one kind, such as runs and commands.
        CorruptRecordError: One cannot be read, or is of another kind.
    """
    found: dict[str, list[Source]] = {}
    run: list[Source] = []
    for name in names:
        if not _is_baseline(name):
            found[name] = _selected(name, _any(folder), by, allowed, run)
            run = run or found[name]
    for name in names:
        if name not in found:
            found[name] = [_saved(name, run, allowed) if run else _only_saved(name)]
            run = run or found[name]
    chosen = [each for name in names for each in found[name]]
    if len(chosen) < 2:
        hint = "" if by else "; with --by schedule or --by gpus a folder is a study of several"
        unlike = sum(each.unlike for each in chosen)
        if unlike:
            apart = ", ".join(dict.fromkeys(name for each in chosen for name in each.apart))
            hint = (
                f"; {unlike} others in the folder cannot be compared with {chosen[0].record.id!r}: "
                f"they differ in {apart}; name the records to compare"
            )
        raise UsageError(f"compare: expected at least two records, found {len(chosen)}{hint}")
    _check_kinds(chosen)
    return chosen


def checked(
    current: str, baseline: str, folder: Path, allowed: frozenset[str] = frozenset()
) -> tuple[Source, Source]:
    """The run to check, completed or not, and the completed one that it is held against.

    Raises:
        UsageError: There is no such run to check.
        MissingError: There is no such baseline.
        NotComparableError: They are not of one kind, such as a run and a command.
        CorruptRecordError: One cannot be read, or is of another kind.
    """
    run = _one(current, replace(_any(folder), completed=False))
    try:
        against = _saved(baseline, [run], allowed) if _is_baseline(baseline) else _one(baseline, _any(folder))
    except UsageError as error:
        raise _no_baseline(error) from None
    if current != baseline and run.path.resolve() == against.path.resolve():
        raise UsageError(
            f"{current} and {baseline} are one run, {run.path}: name another one to compare it with"
        )
    _check_kinds([run, against])
    return run, against


def tried(current: str | None, baseline: str | None, folder: Path) -> RunRecord | None:
    """The run that a gate tries itself on: the reference, else the one to check; ``None`` if neither is named.

    Raises:
        UsageError: There is no such run to check, or a baseline's name stands for several.
        MissingError: There is no such baseline.
        CorruptRecordError: The record cannot be read, or is not that of a run.
    """
    name = baseline if baseline is not None else current
    if name is None:
        return None
    if _is_baseline(name):
        return _only_saved(name).run
    try:
        return _one(name, Search(folder)).run
    except UsageError as error:
        if baseline is None:
            raise
        raise _no_baseline(error) from None


def _no_baseline(error: UsageError) -> MissingError:
    return MissingError(f"reference {error}; saved baselines: {pasting.command('baseline', 'list')}")


def _one(name: str, search: Search) -> Source:
    """A run by its name, or the one in a saved baseline's file."""
    check_name(name)
    path = Path(name)
    if path.is_file():
        record = store.read(path)
        if isinstance(record, BaselineRecord):
            return Source(baselines.read(path).record, path)
        if isinstance(record, search.kinds):
            return Source(record, path)
    return select(name, search)


def _any(folder: Path) -> Search:
    """Runs, commands and traces."""
    return Search(folder, kinds=COMPARABLE)


def _check_kinds(sources: Sequence[Source]) -> None:
    first = sources[0]
    for other in sources:
        if other.record.kind != first.record.kind:
            raise NotComparableError(
                f"{first.record.id!r} is a {first.record.kind}, {other.record.id!r} a {other.record.kind}: "
                "expected records of one kind"
            )


def _is_baseline(name: str) -> bool:
    """Whether the name is that of a saved baseline; a path comes first, so that no such name hides a file."""
    check_name(name)
    return not Path(name).exists() and baselines.exists(name, baselines.DEFAULT_FOLDER)


def _only_saved(name: str) -> Source:
    """The run of a saved baseline whose name stands for one configuration only."""
    saved = list(baselines.read_all(baselines.DEFAULT_FOLDER, name))
    if len(saved) > 1:
        files = ", ".join(str(path) for path, _ in saved)
        raise UsageError(f"{name}: the name of several saved baselines: name one of their files, {files}")
    ((path, only),) = saved
    return Source(only.record, path)


def _saved(name: str, runs: Sequence[Source], allowed: frozenset[str] = frozenset()) -> Source:
    run = runs[0].record
    if not isinstance(run, RunRecord):
        raise NotComparableError(
            f"{run.id!r} is a {run.kind}, and the saved baseline {name} a run: compare it with another {run.kind}'s "
            "record"
        )
    path, record = baselines.find(name, run, baselines.DEFAULT_FOLDER, allowed)
    return Source(record, path)


def _selected(
    name: str, search: Search, by: By | None, allowed: frozenset[str], reference: Sequence[Source]
) -> list[Source]:
    if by is None or not Path(name).is_dir():
        return [_one(name, search)]
    runs = in_folder(Path(name)).sources
    like = [*reference, runs[-1]][0].record
    standing = [_standing(like, each.record, by, allowed) for each in runs]
    alike = [each for each, names in zip(runs, standing, strict=True) if not names] or runs
    order = _ORDERS[by]
    newest = {order(each.run): each for each in alike}
    first, *others = [newest[key] for key in sorted(newest)]
    if alike is not runs:
        apart = tuple(name for name in run_fields.HARD if any(name in names for names in standing))
        first = replace(first, unlike=len(runs) - len(alike), apart=apart)
    return [first, *others]


def _standing(reference: Comparable, record: Comparable, by: By, allowed: frozenset[str]) -> list[str]:
    """The fields in which a run cannot be compared with the reference."""
    standing, _ = fields.split_allowed(fields.mismatches(reference, record, by=by), allowed)
    return [each.field for each in standing]
