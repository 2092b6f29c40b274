"""Files of somebody else's run, whatever tool wrote them, as one recording. Pure."""

from collections.abc import Sequence
from pathlib import Path

from pipebench.errors import UsageError
from pipebench.foreign import files
from pipebench.foreign.rows import Recording
from pipebench.foreign.span_table import read_tables
from pipebench.foreign.torch_profiler import is_trace, read_traces
from pipebench.system.names import as_text

_ENDINGS = (".csv", ".csv.gz", ".json", ".json.gz")
_HEAD = 1 << 12


def read_recording(paths: Sequence[Path]) -> Recording:
    """Read span tables, or traces of torch.profiler, one file a rank; a folder stands for all files in it.

    Raises:
        UsageError: There is no such file, or some are tables and others traces.
        CorruptRecordError: One is neither, or cannot be read.
    """
    found = [each for path in paths for each in _inside(path)]
    _check_each_once(found)
    traces = [is_trace(files.beginning(path, _HEAD)) for path in found]
    if all(traces):
        return read_traces(found)
    if any(traces):
        table, trace = found[traces.index(False)], found[traces.index(True)]
        raise UsageError(
            f"--from: {as_text(str(table))} is a span table and {as_text(str(trace))} a trace: expected files of "
            "one kind"
        )
    return read_tables(found)


def _check_each_once(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise UsageError(f"--from: {as_text(str(path))} is named twice: expected each file once")
        seen.add(path.resolve())


def _inside(path: Path) -> list[Path]:
    """The file itself, or the files of a folder."""
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.name.endswith(_ENDINGS) and each.is_file())
    if not found:
        raise UsageError(
            f"--from {as_text(str(path))}: expected files in this folder that end in {', '.join(_ENDINGS)}, found none"
        )
    return found
