"""Records as documents: JSON that is checked against the schema on its way out and in."""

import json
import re
from typing import Any

import msgspec

from pipebench.errors import CorruptRecordError
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
from pipebench.system import encodings

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


def encode(record: AnyRecord | ExplanationRecord | TraceExplanation) -> bytes:
    """The record as JSON, one trailing newline, checked against its schema on the way out.

    Raises:
        msgspec.ValidationError: A bug of ours: the record does not follow its schema.
    """
    document = msgspec.json.encode(record)
    msgspec.json.decode(document, type=type(record))
    return msgspec.json.format(document, indent=1) + b"\n"


def decode(document: bytes, where: str) -> AnyRecord:
    """Check and decode a stored document; ``where`` names it in errors.

    Raises:
        CorruptRecordError: It is no JSON, not a pipebench record, of another version, or invalid.
    """
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
        _kind_checked(document, where)  # a document that only begins like a record has an error of its own
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
    """The kind of a record, found without decoding the rest of it; at once where it begins as we write it."""
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
    """The kind of a document, if it is a record of ours; else an error that says why it is none."""
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
