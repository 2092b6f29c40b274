"""Baselines for people, and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Group

from pipebench.errors import CorruptRecordError
from pipebench.records.baseline import BaselineRecord
from pipebench.render.layout import Facts, Table
from pipebench.render.tables import spaced
from pipebench.system.names import as_text, path_text

Found = Sequence[tuple[Path, BaselineRecord]]
Tried = Sequence[tuple[Path, BaselineRecord | CorruptRecordError]]


def baseline_table(tried: Tried) -> Table:
    """A table with a line for each saved baseline, also for one that cannot be read."""
    table = Table("name", "run", "saved", "reason", left=4)
    for path, saved in tried:
        if isinstance(saved, CorruptRecordError):
            cells = (path.parent.name, "unreadable", "-", str(saved))
        else:
            cells = (saved.name, saved.record.id, saved.saved[:10], saved.reason)
        table.add(*cells)
    return table


def baseline_report(found: Found) -> Group:
    """Each saved baseline with its key and what it replaced."""
    return Group(*spaced(_facts(path, saved) for path, saved in found))


def verification_report(found: Sequence[tuple[Path, str | None]]) -> Facts:
    """A line for each file: good, or what is wrong with it."""
    return Facts(
        *(
            ("wrong" if problem else "good", f"{path}: {problem}" if problem else str(path))
            for path, problem in found
        )
    )


def listing(tried: Tried) -> bytes:
    """A JSON array with an object for each saved baseline."""
    return msgspec.json.format(msgspec.json.encode([_line(path, saved) for path, saved in tried])) + b"\n"


def _line(path: Path, saved: BaselineRecord | CorruptRecordError) -> dict[str, Any]:
    if isinstance(saved, CorruptRecordError):
        return {
            "path": path_text(path),
            "name": as_text(path.parent.name),
            "status": "unreadable",
            "error": as_text(str(saved)),
        }
    return {
        "path": path_text(path),
        "name": saved.name,
        "id": saved.record.id,
        "saved": saved.saved,
        "reason": saved.reason,
        "key": saved.key,
        "replaced": saved.replaced,
    }


def _facts(path: Path, saved: BaselineRecord) -> Facts:
    key = ", ".join(
        f"{name.split('.')[-1]} {value}" for name, value in saved.key.items() if value is not None
    )
    rows = [
        (saved.name, f"{saved.record.id}, saved {saved.saved}: {saved.reason}"),
        ("file", str(path)),
        ("of", key),
    ]
    rows += [("before", f"{each.id}, saved {each.saved}: {each.reason}") for each in saved.replaced[::-1]]
    return Facts(*rows)
