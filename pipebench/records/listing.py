"""A list of records as JSON, with the main figures of each."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from pipebench.errors import CorruptRecordError
from pipebench.records.command import CommandRecord
from pipebench.records.documents import AnyRecord
from pipebench.records.reproduction import ReproductionRecord
from pipebench.records.run import RunRecord
from pipebench.records.trace import TraceRecord
from pipebench.system.names import as_text, path_text


def listing(records: Iterable[tuple[Path, AnyRecord | CorruptRecordError]]) -> bytes:
    """A JSON array with the main figures of each record."""
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
