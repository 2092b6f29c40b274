"""Records on disk: one JSON file each, written whole or not at all."""

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.records.schema import SCHEMA_NAME, SCHEMA_VERSION, RunRecord, SimulationRecord

DEFAULT_FOLDER = Path("results/runs")

AnyRecord = RunRecord | SimulationRecord
_KINDS: dict[str, type[RunRecord] | type[SimulationRecord]] = {
    "run": RunRecord,
    "simulation": SimulationRecord,
}


def now() -> datetime:
    """The wall clock, for dates only."""
    return datetime.now(UTC)


def new_id(created: datetime, label: str) -> str:
    """A name for a record that sorts by date: ``20261124-091500-label-3fa9c1``."""
    return f"{created:%Y%m%d-%H%M%S}-{label}-{secrets.token_hex(3)}"


def encode(record: AnyRecord) -> bytes:
    """The record as JSON, one trailing newline, checked against its schema on the way out.

    Raises:
        msgspec.ValidationError: A bug of ours: the record does not follow its schema.
    """
    document = msgspec.json.encode(record)
    msgspec.json.decode(document, type=type(record))
    return msgspec.json.format(document, indent=1) + b"\n"


def write(record: RunRecord, folder: Path) -> Path:
    """Store a record under its id; readers see the whole file or none."""
    document = encode(record)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.id}.json"
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def read(path: Path) -> AnyRecord:
    """Read a record of any kind.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: It is no JSON, not a pipebench record, of another version, or invalid.
    """
    return decode(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The stored document as it is."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name an existing record") from None


def decode(document: bytes, where: str) -> AnyRecord:
    """Check and decode a stored document; ``where`` names it in errors."""
    try:
        raw: Any = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise CorruptRecordError(f"{where}: expected a JSON record, {error}; run it again") from None
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if not isinstance(schema, dict) or schema.get("name") != SCHEMA_NAME:
        raise CorruptRecordError(f"{where}: not a pipebench record (schema.name is not {SCHEMA_NAME!r})")
    if schema.get("version") != SCHEMA_VERSION:
        raise CorruptRecordError(
            f"{where}: schema version {schema.get('version')!r}, this pipebench reads {SCHEMA_VERSION}; "
            "use the version that wrote it"
        )
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise CorruptRecordError(f"{where}: kind {kind!r}, expected one of {', '.join(_KINDS)}")
    try:
        return msgspec.json.decode(document, type=_KINDS[kind])
    except msgspec.DecodeError as error:
        raise CorruptRecordError(f"{where}: not a valid {kind} record: {error}") from None


def paths(folder: Path) -> list[Path]:
    """The records' files under a folder, newest last (by name, which starts with the date)."""
    return sorted(folder.rglob("*.json"), key=lambda path: path.name)


def read_all(folder: Path) -> Iterator[tuple[Path, AnyRecord | CorruptRecordError]]:
    """Each record under a folder, or why it cannot be read."""
    for path in paths(folder):
        try:
            yield path, read(path)
        except CorruptRecordError as error:
            yield path, error
