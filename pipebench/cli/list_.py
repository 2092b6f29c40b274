"""``pipebench list``: the records of a folder."""

from pathlib import Path
from typing import Annotated

import typer

from pipebench.cli import output


def list_(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of records; its subfolders are read too. Default: results/runs."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON array instead of a table.")] = False,
) -> None:
    """List the records of a folder, newest last.

    pipebench list

    pipebench list results --json
    """
    from pipebench.errors import UsageError
    from pipebench.records import folders, listing, store
    from pipebench.records.selection import how_to_make_one

    where = folder or store.DEFAULT_FOLDER
    if folder is not None and not folder.is_dir():
        raise UsageError(
            f"{folder}: expected a folder of records, found {'a file' if folder.exists() else 'nothing'}"
        )
    if json:
        output.print_json(listing.listing(folders.read_all(where)))
        return
    from pipebench.render.tables import record_row, record_table

    rows = [record_row(path, record) for path, record in folders.read_all(where)]
    if not rows:
        output.notice(f"no records in {where}: make one with {how_to_make_one(where)}")
        return
    output.print_report(lambda console: record_table(rows, width=console.width))
