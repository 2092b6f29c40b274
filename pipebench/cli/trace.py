"""``pipebench trace``: the timeline of a record, for the viewers that people have for traces."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import completing, contradicting, no_effect, output, trace_files

if TYPE_CHECKING:
    from pipebench.render.perfetto.step import ShownStep


def trace(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The file to write. It is compressed if its name ends in .gz. A folder, or a name that ends in /, "
            "gets one file for each device (rank0.json.gz, ...), as HolisticTraceAnalysis reads them. These files have "
            "no flows, since a flow leads from one device to another.",
        ),
    ],
    record: Annotated[
        str,
        typer.Argument(
            metavar="RECORD",
            autocompletion=completing.records,
            help="The file of a record, its id, a folder (its newest record) or latest (in the folder of --records).",
        ),
    ] = "latest",
    folder: Annotated[
        Path | None,
        typer.Option("--records", metavar="FOLDER", help="Folder of records. Default: results/runs."),
    ] = None,
) -> None:
    """Write the timeline of a run, a simulation or a run of another program as a file for Perfetto (https://ui.perfetto.dev).

    Each device has a lane with all that it does: actions, waiting, transfer,
    zeroing and optimizer. Below the lane are its messages, and how many
    activations it keeps. Arrows lead each microbatch from device to device. The
    name of a device says where its times come from: measured by the wall clock,
    emulated in virtual time, or simulated.

    pipebench trace latest -o trace.json.gz

    pipebench trace results/runs/RECORD.json -o trace.json

    pipebench trace latest -o traces/
    """
    place = trace_files.place_of(file)
    from pipebench.records import store
    from pipebench.records.selection import check_name, find
    from pipebench.render.perfetto.step import shown_step

    check_name(record)
    trace_files.check(place)
    path = find(record, folder or store.DEFAULT_FOLDER)
    no_effect.tell(context)
    decoded = store.read(path)
    step = shown_step(decoded, output.shown(path))
    trace_files.write(place, step)
    _tell(place, step)
    contradicting.tell(decoded)


def _tell(place: trace_files.Place, step: "ShownStep") -> None:
    """What was written where, and what opens it."""
    shown = output.shown(place.path)
    if place.is_folder:
        number = step.timeline.graph.devices
        files = "1 file, of the only device" if number == 1 else f"{number} files, one of each device"
        output.notice(f"wrote {shown}: {files}, {step.evidence}; HolisticTraceAnalysis reads the folder")
    else:
        output.notice(
            f"wrote {shown}: the timeline of one step, {step.evidence}; open it in https://ui.perfetto.dev"
        )
