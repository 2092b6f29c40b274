"""Records in a folder, for the commands that read them, and the only one that a run has left."""

import json
from pathlib import Path

from pipebench.records import documents
from pipebench.records.command import Comparable
from pipebench.records.run import RunRecord
from tests.builders import steady_record, with_config


def save(folder: Path, **records: Comparable) -> None:
    folder.mkdir(exist_ok=True, parents=True)
    for name, record in records.items():
        (folder / f"{name}.json").write_bytes(documents.encode(record))


def numbered(number: int, factor: float = 1.0, **config: object) -> RunRecord:
    """Records whose ids sort by their number."""
    return with_config(
        steady_record(factor, id=f"2026112{number}-091500-emulated2-x-00000{number}"), **config
    )


def status_of_the_only_record(folder: Path) -> dict[str, object]:
    (path,) = folder.rglob("*.json")
    assert not list(folder.rglob(".*tmp"))
    record: dict[str, object] = json.loads(path.read_text())
    return record
