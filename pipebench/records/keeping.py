"""A record is worth more than its place: where its folder cannot be written, it is kept in another one."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipebench import places
from pipebench.records import store
from pipebench.records.schema import RunRecord


class Kept(NamedTuple):
    """What became of a record: where it lies, and why that is not the folder it should be in.

    ``path`` is ``None`` where it could not be written at all; ``trouble`` is one line.
    """

    record: RunRecord
    path: Path | None
    trouble: str | None


def keep(record: RunRecord, folder: Path, *, log: str = "") -> Kept:
    """Store a record, and beside it the log that its process left behind; in the folder of temporary files if need be.

    What was measured is worth more than its place: nothing is raised where the folder cannot be written.
    """
    try:
        named = _with_log(record, log, folder)
        return Kept(named, store.write(named, folder), None)
    except OSError as error:
        path = folder / f"{record.id}.json"
        trouble = f"the record {places.not_written(path, error, 'name another folder with -o')}"
    try:
        other = Path(tempfile.gettempdir())
        named = _with_log(record, log, other)
        path = store.write(named, other)
    except OSError:
        return Kept(record, None, trouble)
    return Kept(named, path, f"{trouble}; it is kept in {store.path_text(other)} for now")


def _with_log(record: RunRecord, log: str, folder: Path) -> RunRecord:
    """The record of a failure, naming the log if that can be written; the record matters more."""
    if not log or record.failure is None:
        return record
    path = folder / f"{record.id}.log"
    try:
        places.write_whole(path, log.encode("utf-8", "replace"))
    except OSError:
        return record
    return msgspec.structs.replace(record, failure=msgspec.structs.replace(record.failure, log=path.name))
