"""A folder of records that checks are tried on: a baseline, and runs that differ from it in one way each."""

from pathlib import Path

import msgspec

from pipebench.plan.device_kind import DeviceKind
from pipebench.records import documents
from tests.builders import ended_run, launch, measured_record, steady_record, with_config
from tests.cli.saved import save
from tests.hostile import friendly_record_of, hostile_record


def written(folder: Path) -> Path:
    """The records, by what they are: ``base.json`` and the others."""
    record = steady_record()
    hostile = hostile_record(1.1)
    wall = msgspec.structs.replace(
        record, clock="wall", machine=None, device=msgspec.structs.replace(record.device, kind=DeviceKind.CPU)
    )
    save(
        folder,
        base=record,
        same=steady_record(1.001, id="same"),
        faster=steady_record(0.9),
        slower=steady_record(1.1),
        noisy=measured_record([launch([19.0], [step]) for step in (9.0, 10.2, 9.4, 10.4, 8.9, 9.7)]),
        few=measured_record([launch([19.0], [9.5]) for _ in range(3)]),
        other=with_config(record, hidden=64),
        wall=wall,
        aborted=ended_run(record),
        lying=steady_record(
            1.1, speedup=record.speedup, pipeline=record.pipeline, efficiency=record.efficiency
        ),
        friendly=friendly_record_of(hostile),
        hostile=hostile,
    )
    (folder / "corrupt.json").write_bytes(documents.encode(record)[:2000])
    return folder
