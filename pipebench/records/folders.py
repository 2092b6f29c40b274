"""The records of a folder, newest last."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipebench.errors import CorruptRecordError, PipebenchError
from pipebench.records.documents import AnyRecord
from pipebench.records.store import read, read_bytes


def paths(folder: Path) -> list[Path]:
    """The records' files under a folder, newest last.

    They are sorted by the date that a name starts with. A file of another name is read for its date; where that tells
    nothing, the date of the file counts. Records of the same second are in the order in which they were written.

    Raises:
        CorruptRecordError: A folder cannot be read: what is in there might be the newest.
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise CorruptRecordError(f"{error.filename}: cannot be read ({error.strerror})")

    found = [
        Path(place) / name
        for place, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if name.endswith(".json")
    ]
    return sorted((path for path in found if path.is_file()), key=_age)


_DATED = re.compile(r"(\d{8})-(\d{6})(?!\d)")


_MOMENT = "%Y%m%d%H%M%S"


class _Made(msgspec.Struct):
    """Which record it is and when it was made; all else is skipped."""

    id: str
    created: datetime


def _age(path: Path) -> tuple[str, int, str, str]:
    """When a record was made, as ``YYYYmmddHHMMSS`` in UTC; when its file was written; its id, and its file's name."""
    try:
        written_ns = path.stat().st_mtime_ns
    except OSError:  # it is gone by now: whoever reads it says so
        written_ns = 0
    dated = _DATED.match(path.name)
    if dated:
        return dated[1] + dated[2], written_ns, path.stem, path.name
    try:
        made = msgspec.json.decode(read_bytes(path), type=_Made)
        created = made.created if made.created.tzinfo else made.created.replace(tzinfo=UTC)
        moment = created.astimezone(UTC).strftime(_MOMENT)
    except (PipebenchError, msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        moment = datetime.fromtimestamp(written_ns / 1e9, UTC).strftime(_MOMENT)
        return moment, written_ns, path.stem, path.name
    return moment, written_ns, made.id, path.name


def read_all(folder: Path) -> Iterator[tuple[Path, AnyRecord | CorruptRecordError]]:
    """Each record under a folder, or why it cannot be read."""
    for path in paths(folder):
        try:
            yield path, read(path)
        except PipebenchError as error:
            yield path, CorruptRecordError(str(error))
