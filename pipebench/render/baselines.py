"""Baselines for people, and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pipebench.errors import CorruptRecordError
from pipebench.records.baseline import BaselineRecord
from pipebench.render.inert import inert
from pipebench.render.tables import facts, plain_table, spaced

Found = Sequence[tuple[Path, BaselineRecord]]
Tried = Sequence[tuple[Path, BaselineRecord | CorruptRecordError]]


def baseline_table(tried: Tried) -> Table:
    """A line each, also of what cannot be read."""
    table = plain_table("name", "run", "saved", "reason", left=4)
    for path, saved in tried:
        if isinstance(saved, CorruptRecordError):
            cells = (path.parent.name, "unreadable", "-", str(saved))
        else:
            cells = (saved.name, saved.record.id, saved.saved[:10], saved.reason)
        table.add_row(*(Text(inert(cell)) for cell in cells))
    return table


def baseline_report(found: Found) -> Group:
    """Each with its key and what it replaced."""
    return Group(*spaced(_facts(path, saved) for path, saved in found))


def verification_report(found: Sequence[tuple[Path, str | None]]) -> Table:
    """A line each: good, or what is wrong with it."""
    return facts(
        *(
            ("wrong" if problem else "good", f"{path}: {problem}" if problem else str(path))
            for path, problem in found
        )
    )


def listing(tried: Tried) -> bytes:
    """A JSON array with a line's worth of each."""
    return msgspec.json.format(msgspec.json.encode([_line(path, saved) for path, saved in tried])) + b"\n"


def _line(path: Path, saved: BaselineRecord | CorruptRecordError) -> dict[str, Any]:
    if isinstance(saved, CorruptRecordError):
        return {"path": str(path), "name": path.parent.name, "status": "unreadable", "error": str(saved)}
    return {
        "path": str(path),
        "name": saved.name,
        "id": saved.record.id,
        "saved": saved.saved,
        "reason": saved.reason,
        "key": saved.key,
        "replaced": saved.replaced,
    }


def _facts(path: Path, saved: BaselineRecord) -> Table:
    key = ", ".join(
        f"{name.split('.')[-1]} {value}" for name, value in saved.key.items() if value is not None
    )
    rows = [
        (saved.name, f"{saved.record.id}, saved {saved.saved}: {saved.reason}"),
        ("file", str(path)),
        ("of", key),
    ]
    rows += [("before", f"{each.id}, saved {each.saved}: {each.reason}") for each in saved.replaced[::-1]]
    return facts(*((name, Text(inert(value))) for name, value in rows))
