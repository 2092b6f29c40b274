"""Records on disk: one JSON file each, written whole or not at all."""

import json
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from pipebench.errors import CorruptRecordError, EnvironmentRefusedError, PipebenchError, UsageError
from pipebench.records.baseline import BaselineRecord
from pipebench.records.command import CommandRecord
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.explanation import ExplanationRecord
from pipebench.records.reproduction import ReproductionRecord
from pipebench.records.run import Run, RunRecord, told_apart
from pipebench.records.schema import SCHEMA_NAME, SCHEMA_VERSION
from pipebench.records.simulation import SimulationRecord
from pipebench.records.trace import TraceRecord
from pipebench.records.trace_explanation import TraceExplanation
from pipebench.system import encodings, pasting, places, reasons
from pipebench.system.names import as_text

DEFAULT_FOLDER = Path("results/runs")

MOST_BYTES = 1 << 29  # a record of some million actions

AnyRecord = (
    RunRecord
    | SimulationRecord
    | ComparisonRecord
    | BaselineRecord
    | ReproductionRecord
    | CommandRecord
    | TraceRecord
)
KINDS: dict[str, type[AnyRecord | Run]] = {
    "run": Run,
    "simulation": SimulationRecord,
    "comparison": ComparisonRecord,
    "baseline": BaselineRecord,
    "reproduction": ReproductionRecord,
    "command": CommandRecord,
    "trace": TraceRecord,
}


def now() -> datetime:
    """The wall clock, for dates only."""
    return datetime.now(UTC)


def new_id(created: datetime, label: str) -> str:
    """A name for a record that sorts by date: ``20261124-091500-label-3fa9c1``."""
    return f"{created:%Y%m%d-%H%M%S}-{label}-{secrets.token_hex(3)}"


def encode(record: AnyRecord | ExplanationRecord | TraceExplanation) -> bytes:
    """The record as JSON, one trailing newline, checked against its schema on the way out.

    Raises:
        msgspec.ValidationError: A bug of ours: the record does not follow its schema.
    """
    document = msgspec.json.encode(record)
    msgspec.json.decode(document, type=type(record))
    return msgspec.json.format(document, indent=1) + b"\n"


def write(record: RunRecord | ReproductionRecord | CommandRecord | TraceRecord, folder: Path) -> Path:
    """Store a record under its id; readers see the whole file or none."""
    path = folder / f"{record.id}.json"
    places.write_whole(path, encode(record))
    return path


def check_folder(folder: Path) -> None:
    """Make sure that a record can be written, before anything is measured for it.

    Raises:
        UsageError: It is a file.
        EnvironmentRefusedError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"--output {folder}: expected a folder, found a file on the way") from None
    except OSError as error:
        raise EnvironmentRefusedError(
            f"--output {folder}: no record can be written there: {reasons.reason(error)}; "
            + reasons.help_for(error, "name another folder with -o")
        ) from None


def read(path: Path) -> AnyRecord:
    """Read a record of any kind.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: It is no JSON, not a pipebench record, of another version, or invalid.
    """
    return decode(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The stored document as it is, but for a byte order mark that an editor put before it.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: It cannot be read, or has no end or one that is too far.
    """
    try:
        found = path.stat()
        if found.st_size > MOST_BYTES or stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode):
            raise CorruptRecordError(
                f"{path}: not a pipebench record (no file of {MOST_BYTES >> 20} MiB at most)"
            )
        with path.open("rb") as file:
            return file.read(found.st_size + 1).removeprefix(encodings.BOM)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            f"{path}: no such record ({error.strerror}); {pasting.command('list')} shows those there are"
        ) from None
    except OSError as error:
        raise CorruptRecordError(f"{path}: cannot be read ({error.strerror})") from None


def decode(document: bytes, where: str) -> AnyRecord:
    """Check and decode a stored document; ``where`` names it in errors."""
    other = encodings.beginning(document)
    if other is not None:
        hint = f"; {other.command} makes text of it" if other.command else ""
        raise CorruptRecordError(
            f"{where}: not a pipebench record (expected a JSON record, looks like {other.looks}{hint})"
        )
    kind = _kind_at_a_glance(document) or _kind_checked(document, where)
    try:
        record = msgspec.json.decode(document, type=KINDS[kind])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _kind_checked(document, where)  # one that only begins as ours do is told as what it is
        raise CorruptRecordError(f"{where}: not a valid {kind} record: {error}") from None
    return told_apart(record) if isinstance(record, Run) else record


_BEGINS = re.compile(
    rb'\s*\{\s*"schema":\s*\{\s*"name":\s*"%s",\s*"version":\s*%d\s*\},\s*"kind":\s*"([a-z-]+)"'
    % (SCHEMA_NAME.encode(), SCHEMA_VERSION)
)


class _SchemaHead(msgspec.Struct):
    name: str
    version: int


class _Head(msgspec.Struct):
    """What tells which record a document is; all else is skipped."""

    schema: _SchemaHead
    kind: str


def _kind_at_a_glance(document: bytes) -> str | None:
    """The kind of a record of ours, found without decoding the rest of it; at once where it begins as ours do."""
    begins = _BEGINS.match(document)
    if begins is not None and begins[1].decode() in KINDS:
        return begins[1].decode()
    try:
        head = msgspec.json.decode(document, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    ours = head.schema == _SchemaHead(SCHEMA_NAME, SCHEMA_VERSION) and head.kind in KINDS
    return head.kind if ours else None


def _kind_checked(document: bytes, where: str) -> str:
    """The kind of a document that is a record of ours, or an error that says why it is none."""
    try:
        raw: Any = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise CorruptRecordError(
            f"{where}: not a pipebench record (expected a JSON record, {error})"
        ) from None
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if not isinstance(schema, dict) or schema.get("name") != SCHEMA_NAME:
        raise CorruptRecordError(f"{where}: not a pipebench record (schema.name is not {SCHEMA_NAME!r})")
    if schema.get("version") != SCHEMA_VERSION:
        raise CorruptRecordError(
            f"{where}: schema version {schema.get('version')!r}, this pipebench reads {SCHEMA_VERSION}; "
            "use the version that wrote it"
        )
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise CorruptRecordError(f"{where}: kind {kind!r}, expected one of {', '.join(KINDS)}")
    return kind


def paths(folder: Path) -> list[Path]:
    """The records' files under a folder, newest last.

    By the date that a name starts with; a file of another name is looked into, and counts by the date of the file if
    that tells nothing.

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


def _age(path: Path) -> tuple[str, str, str]:
    """When a record was made, as ``YYYYmmddHHMMSS`` in UTC; then its id, and its file's name."""
    dated = _DATED.match(path.name)
    if dated:
        return dated[1] + dated[2], path.stem, path.name
    try:
        made = msgspec.json.decode(read_bytes(path), type=_Made)
        created = made.created if made.created.tzinfo else made.created.replace(tzinfo=UTC)
        moment = created.astimezone(UTC).strftime(_MOMENT)
    except (PipebenchError, msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        touched = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return touched.strftime(_MOMENT), path.stem, path.name
    return moment, made.id, path.name


def path_text(path: Path) -> str:
    r"""A path that JSON and terminals can hold; bytes of a name that are no text are written out, as in ``\xff``."""
    return as_text(str(path))


def read_all(folder: Path) -> Iterator[tuple[Path, AnyRecord | CorruptRecordError]]:
    """Each record under a folder, or why it cannot be read."""
    for path in paths(folder):
        try:
            yield path, read(path)
        except PipebenchError as error:
            yield path, CorruptRecordError(str(error))


def listing(records: Iterable[tuple[Path, AnyRecord | CorruptRecordError]]) -> bytes:
    """A JSON array with a line's worth of each record."""
    return msgspec.json.format(msgspec.json.encode([_line(path, record) for path, record in records])) + b"\n"


def _line(path: Path, record: AnyRecord | CorruptRecordError) -> dict[str, Any]:
    if isinstance(record, CorruptRecordError):
        return {"path": path_text(path), "status": "unreadable", "error": as_text(str(record))}
    line: dict[str, Any] = {"path": path_text(path), "kind": record.kind}
    if isinstance(record, ReproductionRecord):
        line |= {name: getattr(record, name) for name in ("id", "created", "status")}
    if isinstance(record, CommandRecord):
        line |= {name: getattr(record, name) for name in ("id", "created", "status", "command", "metric")}
        line["launches"], line["value"] = len(record.launches), record.value
    if isinstance(record, TraceRecord):
        line |= {name: getattr(record, name) for name in ("id", "created", "status", "clock")}
        line |= {name: getattr(record.plan, name) for name in ("devices", "microbatches")}
        line["launches"], line["step_s"] = len(record.launches), record.step_s
    if isinstance(record, RunRecord):
        line |= {name: getattr(record, name) for name in ("id", "created", "status", "clock", "speedup")}
        line |= {
            name: getattr(record.config, name)
            for name in ("gpus", "schedule", "microbatches", "chunks", "softmax_devices")
        }
    return line
