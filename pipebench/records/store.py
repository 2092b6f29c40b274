"""Records on disk: one JSON file each, written whole or not at all."""

import secrets
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pipebench.errors import CorruptRecordError, EnvironmentRefusedError, UsageError
from pipebench.records.command import CommandRecord
from pipebench.records.documents import AnyRecord, decode, encode
from pipebench.records.reproduction import ReproductionRecord
from pipebench.records.run import RunRecord
from pipebench.records.trace import TraceRecord
from pipebench.system import encodings, pasting, places, reasons

DEFAULT_FOLDER = Path("results/runs")


MOST_BYTES = 1 << 29  # a record of some million actions


def now() -> datetime:
    """The wall clock, for dates only."""
    return datetime.now(UTC)


def new_id(created: datetime, label: str) -> str:
    """A name for a record that sorts by date: ``20261124-091500-label-3fa9c1``."""
    return f"{created:%Y%m%d-%H%M%S}-{label}-{secrets.token_hex(3)}"


def write(record: RunRecord | ReproductionRecord | CommandRecord | TraceRecord, folder: Path) -> Path:
    """Store a record under its id; readers see the whole file or none."""
    path = folder / f"{record.id}.json"
    places.write_whole(path, encode(record))
    return path


def check_folder(folder: Path) -> None:
    """Make sure that a record can be written, before anything is measured for it.

    Raises:
        UsageError: It is a file.
        EnvironmentRefusedError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"--output {folder}: expected a folder, found a file on the way") from None
    except OSError as error:
        raise EnvironmentRefusedError(
            f"--output {folder}: no record can be written there: {reasons.reason(error)}; "
            + reasons.help_for(error, "name another folder with -o")
        ) from None


def read(path: Path) -> AnyRecord:
    """Read a record of any kind.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: It is no JSON, not a pipebench record, of another version, or invalid.
    """
    return decode(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The stored document as it is, without the byte order mark that an editor may have put before it.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: It cannot be read, is too large, or is no file, such as a pipe.
    """
    try:
        found = path.stat()
        if found.st_size > MOST_BYTES or stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode):
            raise CorruptRecordError(
                f"{path}: not a pipebench record (expected a file of at most {MOST_BYTES >> 20} MiB)"
            )
        with path.open("rb") as file:
            return file.read(found.st_size + 1).removeprefix(encodings.BOM)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            f"{path}: no such record ({error.strerror}); {pasting.command('list')} shows which there are"
        ) from None
    except OSError as error:
        raise CorruptRecordError(f"{path}: cannot be read ({error.strerror})") from None
