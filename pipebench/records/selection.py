"""From what a user calls a record to the record.

A name is tried in turn as a file, as a folder (its newest run), as ``latest`` or ``latest~1`` (within the folder of
records), and as an id or the start of one. A further kind of name is one more function in ``_WAYS``.
"""

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.records import store
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.schema import RunRecord
from pipebench.records.trace import TraceRecord

RUNS: tuple[type[Comparable], ...] = (RunRecord,)
COMPARABLE: tuple[type[Comparable], ...] = (RunRecord, CommandRecord, TraceRecord)


@dataclass(frozen=True)
class Source:
    """A run's record, or a command's or trace's where those were searched for too, and where it was found.

    ``passed_over`` newer ones there were not completed, or unreadable; ``unlike`` ones of a study's folder are of
    another configuration: they differ from it in the fields ``apart``.
    """

    record: Comparable
    path: Path
    passed_over: int = 0
    unlike: int = 0
    apart: tuple[str, ...] = ()

    @property
    def run(self) -> RunRecord:
        """The record, where only those of runs were searched for."""
        assert isinstance(self.record, RunRecord)
        return self.record


@dataclass(frozen=True)
class Search:
    """Where names are looked up, whether only completed runs count as the newest, and which kinds of records count.

    A gate looks at the newest run whatever its end: passing over a run that failed would hide the failure.
    """

    folder: Path = store.DEFAULT_FOLDER
    completed: bool = True
    kinds: tuple[type[Comparable], ...] = RUNS


def select(name: str, search: Search) -> Source:
    """The run that a name stands for, or the record of another kind that counts.

    Raises:
        UsageError: There is none.
        CorruptRecordError: It is no record of such a kind, or cannot be read.
    """
    check_name(name)
    for way in _WAYS:
        found = way(name, search)
        if found is not None:
            return found
    raise AssertionError("the last way finds a record or raises")


def check_name(name: str) -> None:
    """Refuse what no record can be called, before it is looked for.

    Raises:
        UsageError: It is empty, as an unset variable is, or no name that the system takes.
    """
    if not name.strip():
        raise UsageError(f"{name!r}: expected the name of a record, found nothing")
    try:
        Path(name).stat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(f"{name[:60]}...: no such record ({error.strerror})") from None
    except ValueError:
        raise UsageError(f"{name!r}: no such record (it holds a null character)") from None


def select_all(folder: Path, kinds: tuple[type[Comparable], ...] = RUNS) -> list[Source]:
    """All completed runs of a folder, or records of other kinds that count, subfolders included, oldest first.

    Raises:
        UsageError: There is none.
    """
    found = [each for each in _newest_first(Search(folder, kinds=kinds)) if isinstance(each, Source)]
    if not found:
        raise UsageError(
            f"{folder}: no completed run in this folder; make one with {store.how_to_make_one(folder)}"
        )
    return found[::-1]


def _read(path: Path, search: Search) -> Comparable:
    """Read a record of a kind that counts.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: It is of another kind, or cannot be read.
    """
    record = store.read(path)
    if isinstance(record, search.kinds):
        return record
    expected = "a run, a command or a trace" if CommandRecord in search.kinds else "a run"
    raise CorruptRecordError(f"{path}: expected the record of {expected}, found that of a {record.kind}")


def _file(name: str, search: Search) -> Source | None:
    path = Path(name)
    return Source(_read(path, search), path) if path.is_file() else None


def _folder(name: str, search: Search) -> Source | None:
    path = Path(name)
    if not path.is_dir():
        return None
    return _newest(name, replace(search, folder=path), back=0)


def _latest(name: str, search: Search) -> Source | None:
    latest, _, back = name.partition("~")
    if latest != "latest" or (back and not back.isdecimal()):
        return None
    return _newest(name, search, back=int(back or 0))


def _id(name: str, search: Search) -> Source | None:
    path = store.find(name, search.folder)
    return Source(_read(path, search), path)


_WAYS: tuple[Callable[[str, Search], Source | None], ...] = (_file, _folder, _latest, _id)


def _newest(name: str, search: Search, *, back: int) -> Source:
    """The newest run but ``back`` ones; reads no more files than it must."""
    passed_over = seen = 0
    for each in _newest_first(search):
        if not isinstance(each, Source):
            passed_over += 1
        elif seen == back:
            return Source(each.record, each.path, passed_over)
        else:
            seen += 1
    kind = ("completed " if search.completed else "") + ("run" if seen == 1 else "runs")
    how = store.how_to_make_one(search.folder)
    raise UsageError(f"{name}: {seen} {kind} in {search.folder}; make one with {how}")


def _newest_first(search: Search) -> Iterator[Source | None]:
    """The runs of a folder; ``None`` for one that does not count. Other kinds of records are no runs."""
    for path in reversed(store.paths(search.folder)):
        try:
            record = store.read(path)
        except CorruptRecordError:
            if not search.completed:
                raise
            yield None
            continue
        if isinstance(record, search.kinds):
            yield Source(record, path) if record.status == "completed" or not search.completed else None
