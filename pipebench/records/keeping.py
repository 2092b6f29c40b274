"""Keeps records: where a record's folder cannot be written, it is kept in another one."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipebench.records import store
from pipebench.records.command import Comparable
from pipebench.records.run import RunRecord
from pipebench.system import names, places


class Kept(NamedTuple):
    """What became of a record: where it lies, and why that is not the folder it should be in.

    ``path`` is ``None`` where it could not be written at all; ``trouble`` is one line.
    """

    record: Comparable
    path: Path | None
    trouble: str | None

    @property
    def run(self) -> RunRecord:
        """The record, where it is that of a run."""
        assert isinstance(self.record, RunRecord)
        return self.record


def keep(record: Comparable, folder: Path, *, log: str | Path = "") -> Kept:
    """Store a record, and beside it the log that its process left behind; in the folder of temporary files if need be.

    ``log`` is the text of the log, or its file; both ends of a long file are kept.

    No error is raised where the folder cannot be written, so that what was measured is not lost.
    """
    named = record

    def write(where: Path) -> Path:
        nonlocal named
        named = _with_log(record, log, where)
        return store.write(named, where)

    path, trouble = kept_somewhere(write, folder, f"{record.id}.json")
    return Kept(record if path is None else named, path, trouble)


def kept_somewhere(write: Callable[[Path], Path], folder: Path, name: str) -> tuple[Path | None, str | None]:
    """Write a file into its folder or that of temporary files; return its path, and why it is not in its folder.

    Args:
        write: writes it into a folder.
        folder: where it should be.
        name: the name of the file.
    """
    try:
        return write(folder), None
    except OSError as error:
        trouble = f"the record {places.not_written(folder / name, error, 'name another folder with -o')}"
    other = Path(tempfile.gettempdir())
    try:
        return write(other), f"{trouble}; it is kept in {names.path_text(other)} for now"
    except OSError:
        return None, trouble


def _with_log(record: Comparable, log: str | Path, folder: Path) -> Comparable:
    """The record of a failure, naming the log if that can be written; the record matters more."""
    if not log or record.failure is None:
        return record
    path = folder / f"{record.id}.log"
    try:
        if isinstance(log, Path):
            places.copy_ends(path, log)
        else:
            places.write_whole(path, log.encode("utf-8", "replace"))
    except OSError:
        return record
    return msgspec.structs.replace(record, failure=msgspec.structs.replace(record.failure, log=path.name))
