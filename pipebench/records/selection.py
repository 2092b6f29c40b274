"""From what a user calls a record to the record.

A name is tried in turn as a file, as a folder (its newest), as ``latest`` or ``latest~1`` (within the folder of
records), and as an id or the start of one. ``find`` takes records of all kinds, ``select`` those that can be compared.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.records import folders, store
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.run import CompletedRun, EndedEarly, RunRecord
from pipebench.records.trace import TraceRecord
from pipebench.system import pasting

RUNS: tuple[type[Comparable], ...] = (CompletedRun, EndedEarly)
COMPARABLE: tuple[type[Comparable], ...] = (*RUNS, CommandRecord, TraceRecord)


@dataclass(frozen=True)
class Source:
    """A run's record and its path; or those of a command or a trace, where such were searched for too.

    ``passed_over`` is how many newer records there were not completed, or unreadable. ``unlike`` is how many runs of a
    study's folder are of another configuration: they differ from it in the fields ``apart``.
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

    A gate looks at the newest run, completed or not: passing over a run that failed would hide the failure.
    """

    folder: Path = store.DEFAULT_FOLDER
    completed: bool = True
    kinds: tuple[type[Comparable], ...] = RUNS


class _Newest(NamedTuple):
    """The record of a folder with ``back`` newer ones; ``named`` says that the folder itself was named."""

    folder: Path
    back: int
    named: bool


def find(name: str, folder: Path) -> Path:
    """Find the file of a record of any kind; the files' names tell which one is the newest.

    Args:
        name: a path, an id or the start of it, ``latest`` or ``latest~1``.
        folder: the folder of records, for a name that is no path.

    Raises:
        UsageError: There is no such record.
    """
    meant = _meant(name, folder)
    if isinstance(meant, Path):
        return meant
    found = folders.paths(meant.folder)
    if len(found) > meant.back:
        return found[-1 - meant.back]
    there = "no records in this folder" if meant.named else f"{len(found)} records in {folder}"
    raise UsageError(f"{name}: {there}; make one with {how_to_make_one(meant.folder)}")


def select(name: str, search: Search) -> Source:
    """Find the run that a name stands for, or the record of another kind that counts.

    Raises:
        UsageError: There is no such record.
        CorruptRecordError: It is no record of such a kind, or cannot be read.
    """
    meant = _meant(name, search.folder)
    if isinstance(meant, Path):
        return Source(_read(meant, search), meant)
    return _newest(name, replace(search, folder=meant.folder), back=meant.back)


def _meant(name: str, folder: Path) -> Path | _Newest:
    """What a name stands for: a file, or the newest of a folder, which depends on the records that count."""
    check_name(name)
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        return _Newest(path, back=0, named=True)
    latest, _, back = name.partition("~")
    if latest == "latest" and (not back or back.isdecimal()):
        return _Newest(folder, back=int(back or 0), named=False)
    return _by_id(name, folder)


def _by_id(name: str, folder: Path) -> Path:
    """The file of the only record whose id is this name or starts with it."""
    found = [path for path in folders.paths(folder) if path.stem.startswith(name)]
    found = [path for path in found if path.stem == name] or found
    if len(found) > 1:
        raise UsageError(f"{name}: {len(found)} records in {folder} start with this; give more of the id")
    if not found:
        raise UsageError(
            f"{name}: no such record; name a file, an id in {folder} ({_how_to_list(folder)}), or latest"
        )
    return found[0]


def check_name(name: str) -> None:
    """Refuse a name that no record can have, before it is looked for.

    Raises:
        UsageError: It is empty, as an unset variable is, or not a name that the system takes.
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


class InFolder(NamedTuple):
    """The completed runs of a folder, oldest first, and how many others there are not completed, or unreadable."""

    sources: list[Source]
    passed_over: int


def in_folder(folder: Path, kinds: tuple[type[Comparable], ...] = RUNS) -> InFolder:
    """All runs of a folder, or records of other kinds that count, subfolders included.

    Raises:
        UsageError: None is completed.
    """
    every = [*_newest_first(Search(folder, kinds=kinds))]
    found = [each for each in every if isinstance(each, Source)]
    if not found:
        raise UsageError(
            f"{folder}: no completed run in this folder; make one with {how_to_make_one(folder)}"
        )
    return InFolder(found[::-1], len(every) - len(found))


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


def _newest(name: str, search: Search, *, back: int) -> Source:
    """The run of a folder with ``back`` newer ones that count; reads no more files than it must."""
    passed_over = seen = 0
    for each in _newest_first(search):
        if not isinstance(each, Source):
            passed_over += 1
        elif seen == back:
            return Source(each.record, each.path, passed_over)
        else:
            seen += 1
    kind = ("completed " if search.completed else "") + ("run" if seen == 1 else "runs")
    how = how_to_make_one(search.folder)
    raise UsageError(f"{name}: {seen} {kind} in {search.folder}; make one with {how}")


def _newest_first(search: Search) -> Iterator[Source | None]:
    """The runs of a folder; ``None`` for one that does not count. Records of other kinds are left out."""
    for path in reversed(folders.paths(search.folder)):
        try:
            record = store.read(path)
        except CorruptRecordError:
            if not search.completed:
                raise
            yield None
            continue
        if isinstance(record, search.kinds):
            yield Source(record, path) if record.status == "completed" or not search.completed else None


def how_to_make_one(folder: Path) -> str:
    """The command that makes a record in a folder."""
    elsewhere = () if folder == store.DEFAULT_FOLDER else ("-o", pasting.path_word(folder))
    return pasting.command("run", "--gpus", "8", *elsewhere)


def _how_to_list(folder: Path) -> str:
    elsewhere = (pasting.path_word(folder),) if folder != store.DEFAULT_FOLDER and folder.is_dir() else ()
    return pasting.command("list", *elsewhere)
