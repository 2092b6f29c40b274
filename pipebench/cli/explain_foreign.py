"""``pipebench explain --from``: a run that another program measured."""

from collections.abc import Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from pipebench.cli import output, picture
from pipebench.errors import EnvironmentRefusedError
from pipebench.system import garbage

if TYPE_CHECKING:
    from pipebench.records.trace import TraceRecord


@garbage.put_off()
def explain_foreign(
    paths: Sequence[Path], changes: Sequence[str], *, folder: Path | None, svg: Path | None, json: bool
) -> None:
    """Read the files, explain the run, keep its record, print."""
    from pipebench.foreign.explaining import explained
    from pipebench.foreign.reading import read_recording
    from pipebench.foreign.understanding import understand
    from pipebench.records import documents, keeping, store
    from pipebench.system.supervision import supervised

    where = folder or store.DEFAULT_FOLDER
    with supervised(inf, output.notice) as phase:
        phase("reading the files")
        recording = read_recording(paths)
        phase("looking for the steps")
        understood = understand(recording)
        phase("simulating the steps again and again")
        created = store.now()
        found = explained(
            understood,
            changes,
            created=created,
            name=store.new_id(created, f"trace{understood.graph.devices}"),
        )
    for notice in understood.notices if json or svg is not None else ():  # the report has them
        output.notice(f"pipebench: {notice}")
    known, trouble = _known(found.record, where), None
    if known is None:
        kept = keeping.keep(found.record, where)
        path, trouble = kept.path, kept.trouble
    else:
        path = known[0]
        found = found.named_as(known[1])
    if svg is not None:
        picture.write_foreign_waterfall(svg, found.explanation)
    if json:
        output.print_json(documents.encode(found.explanation))
    if svg is None and not json:
        from pipebench.render.trace_explanation import trace_explanation_report

        output.print_report(partial(trace_explanation_report, found.explanation, found.record, found.shown))
    output.notice(f"record: {output.shown(path) if path is not None else 'not kept'}")
    if trouble is not None:
        raise EnvironmentRefusedError(trouble)


def _known(record: "TraceRecord", folder: Path) -> "tuple[Path, TraceRecord] | None":
    """A record of the same files that is there already: one run is one launch, however often it is explained."""
    from pipebench.errors import PipebenchError
    from pipebench.records import folders, store
    from pipebench.records.trace import TraceRecord

    hashes = sorted(each.sha256 for each in record.files)
    for path in folders.paths(folder) if folder.is_dir() else ():
        if "-trace" not in path.name:
            continue
        try:
            other = store.read(path)
        except PipebenchError:
            continue
        if not isinstance(other, TraceRecord) or other.merged_from:
            continue
        if sorted(each.sha256 for each in other.files) == hashes:
            return path, other
    return None
