"""``-o`` of ``trace``: a file, or a folder that gets one for each device. No file of another kind is overwritten."""

import gzip
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipebench.cli import files
from pipebench.errors import UsageError

if TYPE_CHECKING:
    from pipebench.render.perfetto.step import ShownStep

_OPTION = "-o"
_FORM = "pipebench's traces"
_OURS = b'"made_by": "pipebench"'
_GZIP = 16 + zlib.MAX_WBITS  # what zlib calls the format
_LEVEL = 6


class Place(NamedTuple):
    """Where a trace goes: a file, or a folder."""

    path: Path
    is_folder: bool


def place_of(name: str) -> Place:
    """What the option's value stands for.

    Raises:
        UsageError: It is empty, or a dash.
    """
    if name in {"", "-"}:
        raise UsageError(f"{_OPTION} {name!r}: expected the name of a file; for stdout name /dev/stdout")
    path = Path(name)
    separators = tuple(filter(None, (os.sep, os.altsep)))
    return Place(path, is_folder=name.endswith(separators) or path.is_dir())


def check(place: Place) -> None:
    """Make sure that the place can be written, before a record is read for it.

    Raises:
        UsageError: There is no such folder, or something else is there that must not be lost.
        EnvironmentRefusedError: It may not be written.
    """
    if not place.is_folder:
        files.check(_OPTION, place.path, _FORM, _is_ours)
        return
    try:
        place.path.mkdir(exist_ok=True)
        found = sorted(place.path.glob("rank*.json.gz"))
    except FileExistsError:
        raise UsageError(f"{_OPTION} {place.path}/: expected a folder, found a file") from None
    except OSError as error:
        raise files.not_written(_OPTION, place.path, error) from None
    for path in found:
        files.check(_OPTION, path, _FORM, _is_ours)


def write(place: Place, step: "ShownStep") -> None:
    """Write the trace of a step.

    Raises:
        UsageError: Of a folder: it holds traces of devices that the step does not have.
        EnvironmentRefusedError: It cannot be written.
    """
    from pipebench.render.perfetto.document import file_a_rank, one_file

    if not place.is_folder:
        files.write(_OPTION, place.path, _packed(place.path, one_file(step)))
        return
    names = [f"rank{device}.json.gz" for device in range(step.timeline.graph.devices)]
    _check_no_others(place.path, names)
    for name, document in zip(names, file_a_rank(step), strict=True):
        path = place.path / name
        files.write(_OPTION, path, _packed(path, document))


def _check_no_others(folder: Path, names: list[str]) -> None:
    """Refuse a folder with traces of other devices: its reader takes every file for a rank of this run."""
    others = sorted(path.name for path in folder.iterdir() if path.suffix in {".gz", ".json"})
    left = [name for name in others if name not in names]
    if left:
        raise UsageError(
            f"{_OPTION} {folder}/: expected no other trace in this folder than {names[0]} to {names[-1]}, found "
            f"{left[0]}, which readers of the folder would take for one more device; name another folder"
        )


def _packed(path: Path, document: bytes) -> bytes:
    """Compressed if the name says so; the same bytes at any time."""
    return gzip.compress(document, _LEVEL, mtime=0) if path.suffix == ".gz" else document


def _is_ours(beginning: bytes) -> bool:
    """Whether a file that begins so is a trace that pipebench wrote, compressed or not."""
    if beginning.startswith(b"\x1f\x8b"):
        try:
            beginning = zlib.decompressobj(_GZIP).decompress(beginning, 1 << 12)
        except zlib.error:
            return False
    return _OURS in beginning[: 1 << 10]
