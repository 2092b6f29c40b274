"""The command within this process, where a whole interpreter for each of many tries would take too long."""

import io
import os
import sys
from pathlib import Path
from unittest import mock

from pipebench.cli.main import run


def printed(
    *arguments: str, cwd: Path, encoding: str = "utf-8", columns: str | None = None
) -> tuple[int, bytes, bytes]:
    """The exit code, and what was written to stdout and stderr of an encoding."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
    before = Path.cwd()
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "GITHUB_ACTIONS"}}
    os.chdir(cwd)
    try:
        with (
            mock.patch.object(sys, "stdout", streams[0]),
            mock.patch.object(sys, "stderr", streams[1]),
            mock.patch.dict(os.environ, kept | ({"COLUMNS": columns} if columns else {}), clear=True),
        ):
            code = run(arguments)
        out, err = (stream.buffer.getvalue() for stream in streams)  # type: ignore[attr-defined]
    finally:
        os.chdir(before)
    return code, out, err
