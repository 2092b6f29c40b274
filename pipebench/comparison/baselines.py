"""Saved baselines: runs under a name, one for each configuration that the name stands for.

    results/baselines/NAME/KEY.json      KEY: a hash of the fields that must match

So ``main`` may hold a run on 8 devices and one on 2, and a check takes the one that its own run can be compared with.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pipebench.comparison import fields
from pipebench.comparison.contradictions import contradictions
from pipebench.comparison.doubts import doubts
from pipebench.comparison.metrics import METRICS, samples
from pipebench.errors import (
    CorruptRecordError,
    EnvironmentRefusedError,
    MissingError,
    PipebenchError,
    UsageError,
)
from pipebench.records import documents, store
from pipebench.records.baseline import BaselineRecord, Replaced
from pipebench.records.run import CompletedRun, RunRecord
from pipebench.statistics.power import DEFAULT_THRESHOLD, LEAST_LAUNCHES
from pipebench.system import pasting, places
from pipebench.warning_codes import WarningCode

DEFAULT_FOLDER = Path("results/baselines")
_REMEDY = "restore it from version control, or delete it and save it again"
_NOISY = frozenset(
    {
        WarningCode.CPU_CONTENTION,
        WarningCode.WIDE_INTERVAL,
        WarningCode.GPU_SHARED,
        WarningCode.THROTTLED,
        WarningCode.PAGE_FAULTS,
    }
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def save(
    record: CompletedRun,
    name: str,
    reason: str,
    folder: Path,
    *,
    promote: bool = False,
    instead: str | None = None,
) -> Path:
    """Save a run as the baseline of its configuration; ``promote`` replaces the existing one, and remembers it.

    ``instead`` is a command for the errors to name: how to promote where saving is refused, and the reverse.

    Raises:
        UsageError: The name, the reason or the run is not fit, or the configuration already has a baseline.
        MissingError: There is no baseline to promote over.
        CorruptRecordError: The run's samples cannot be those of a completed run.
    """
    check_text(name, reason)
    check_fit(record)
    key = key_of(record)
    path = folder / name / f"{_hash(key)}.json"
    replaced = _replaced(path, instead, promote=promote)
    saved = BaselineRecord(
        name=name,
        saved=store.now().isoformat(timespec="seconds"),
        reason=reason,
        key=key,
        record=record,
        replaced=replaced,
        sha256="",
    )
    saved = msgspec.structs.replace(saved, sha256=_digest(documents.encode(saved)))
    _write(saved, path)
    return path


def check_text(name: str, reason: str) -> None:
    """Refuse a name that is no plain word, and a reason that is empty or not text.

    Raises:
        UsageError: The name or the reason is refused.
    """
    if not _NAME.fullmatch(name) or name == "latest":
        raise UsageError(
            f"--name {name[:80]!r}: expected up to 64 letters, digits, dots, dashes, and not latest"
        )
    if not reason.strip():
        raise UsageError("--reason: expected why this run is the saved baseline, found nothing")
    if not reason.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in reason):
        raise UsageError(f"--reason {reason!r}: expected text, found bytes that are not text")


def completed(record: RunRecord) -> CompletedRun:
    """The record, which must be that of a completed run.

    Raises:
        UsageError: The run ended early.
    """
    if not isinstance(record, CompletedRun):
        raise UsageError(f"{record.id!r}: expected a completed run, found one that is {record.status}")
    return record


def check_fit(record: CompletedRun) -> None:
    """Refuse a run that cannot serve as a saved baseline.

    Raises:
        UsageError: The run contradicts itself, or has too few launches.
        CorruptRecordError: Its samples or its verification cannot be those of a completed run.
    """
    wrong = contradictions(record, samples(record))
    if wrong:
        raise UsageError(f"{record.id!r}: contradicts itself: {'; '.join(wrong)}")
    if len(record.launches) < LEAST_LAUNCHES:
        raise UsageError(
            f"{record.id!r}: expected >= {LEAST_LAUNCHES} launches, found {len(record.launches)}: "
            "every check against it would be inconclusive"
        )


def reservations(record: CompletedRun) -> list[str]:
    """The codes of warnings and doubts that often make a check against this run inconclusive, though it is fit."""
    found = samples(record)
    doubtful = [doubt.code for doubt in doubts(record, found, dict.fromkeys(METRICS, DEFAULT_THRESHOLD))]
    told = [warning.code for warning in record.warnings if warning.code in _NOISY]
    return list(dict.fromkeys([*told, *doubtful]))


def how_to_save() -> str:
    """The hint where to read how to save one; the user must choose the run and the reason."""
    return f"{pasting.command('baseline', 'save', '--help')} says how to save one"


def exists(name: str, folder: Path) -> bool:
    """Whether there is a saved baseline of this name for any configuration."""
    return bool(_NAME.fullmatch(name)) and any((folder / name).glob("*.json"))


def find(
    name: str, run: RunRecord, folder: Path, allowed: frozenset[str] = frozenset()
) -> tuple[Path, CompletedRun]:
    """Find the saved baseline that ``run`` can be compared with: its file and its run.

    Without an exact match it is the one that differs from ``run`` in the fewest of the ``allowed`` fields.

    Raises:
        MissingError: None fits (the error names the differences of the nearest one), or several fit equally well.
        CorruptRecordError: One cannot be read.
    """
    exact = folder / name / f"{_hash(key_of(run))}.json"
    if exact.exists():
        return exact, read(exact).record
    found = {path: (saved, fields.mismatches(saved.record, run)) for path, saved in read_all(folder, name)}
    if not found:
        raise MissingError(f"saved baseline {name}: none of this name in {folder}; {how_to_save()}")
    passing = {
        path: len(differences)
        for path, (_, differences) in found.items()
        if not fields.split_allowed(differences, allowed)[0]
    }
    nearest = [path for path, number in passing.items() if number == min(passing.values())]
    if len(nearest) > 1:
        raise MissingError(
            f"saved baseline {name}: several fit equally well: {', '.join(map(str, nearest))}; name one of these files"
        )
    if nearest:
        return nearest[0], found[nearest[0]][0].record
    path, (_, differences) = min(found.items(), key=lambda item: len(item[1][1]))
    standing, _ = fields.split_allowed(differences, allowed)
    named = ", ".join(each.field for each in standing)
    raise MissingError(f"saved baseline {name}: none for this configuration; {path} differs in {named}")


def read_all(folder: Path, name: str) -> Iterator[tuple[Path, BaselineRecord]]:
    """The saved baselines of a name.

    Raises:
        CorruptRecordError: One cannot be read, or does not belong where it stands.
    """
    for path in sorted((folder / name).glob("*.json")):
        yield path, read(path)


def tried(folder: Path) -> Iterator[tuple[Path, BaselineRecord | CorruptRecordError]]:
    """All saved baselines, by name and file, or why one cannot be read."""
    for path in sorted(folder.glob("*/*.json")):
        try:
            yield path, read(path)
        except CorruptRecordError as error:
            yield path, error


def read(path: Path) -> BaselineRecord:
    """Read a saved baseline and check that it is the one that was saved there.

    Raises:
        CorruptRecordError: It cannot be read, or does not belong where it stands.
    """
    try:
        document = store.read_bytes(path)
        saved = documents.decode(document, str(path))
    except (CorruptRecordError, UsageError) as error:  # also a link that leads nowhere
        raise CorruptRecordError(f"{error}; {_REMEDY}") from None
    if not isinstance(saved, BaselineRecord):
        raise CorruptRecordError(
            f"{path}: expected a saved baseline, found the record of a {saved.kind}; {_REMEDY}"
        )
    # a key that was saved before a field was added lacks it
    own = {name: fields.text_of(fields.value_of(saved.record, name)) for name in saved.key}
    if saved.key != own or path.stem != _hash(saved.key) or path.parent.name != saved.name:
        raise CorruptRecordError(f"{path}: its name or key is not that of the run in it; {_REMEDY}")
    if saved.sha256 != _digest(document):
        raise CorruptRecordError(f"{path}: was edited after it was saved; {_REMEDY}")
    return saved


def verify(folder: Path) -> list[tuple[Path, str | None]]:
    """Each saved baseline's file, with what is wrong with it."""
    return [(path, _problem(path)) for path in sorted(folder.glob("*/*.json"))]


def key_of(record: RunRecord) -> dict[str, str | None]:
    """The fields that a run must have in common with another to be compared, as text."""
    return fields.key_of(record)


def _problem(path: Path) -> str | None:
    try:
        check_fit(read(path).record)
    except PipebenchError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def _replaced(path: Path, instead: str | None, *, promote: bool) -> list[Replaced]:
    """The saved baselines that this one replaces, oldest first."""
    if not path.exists():
        if promote:
            raise MissingError(
                f"{path.parent.name}: no saved baseline for this configuration yet: "
                f"use {instead or 'pipebench baseline save'}"
            )
        return []
    if not promote:
        raise UsageError(
            f"{path.parent.name}: has a saved baseline for this configuration ({path}): "
            f"use {instead or 'pipebench baseline promote'}"
        )
    before = read(path)
    return [*before.replaced, Replaced(before.record.id, before.saved, before.reason)]


def _digest(document: bytes) -> str:
    """The SHA-256 of a saved baseline's JSON, but for the hash in it; fields that are not known here count too."""
    told = {name: value for name, value in json.loads(document).items() if name != "sha256"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _hash(key: dict[str, str | None]) -> str:
    return hashlib.sha256(msgspec.json.encode(key, order="sorted")).hexdigest()[:12]


def _write(saved: BaselineRecord, path: Path) -> None:
    try:
        places.write_whole(path, documents.encode(saved))
    except OSError as error:
        told = places.not_written(path, error, "save it from a folder that can be written")
        raise EnvironmentRefusedError(f"not saved: {told}") from None
