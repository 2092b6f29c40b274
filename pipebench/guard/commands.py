"""A side: a command, where it runs and with which variables. One launch of it gives a record of one launch."""

import os
import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import inf
from pathlib import Path
from typing import NamedTuple

from pipebench.ab import answers
from pipebench.errors import (
    DeadlineError,
    EnvironmentRefusedError,
    RunBrokenError,
    RunFailedError,
    UnusableOutputError,
    UsageError,
)
from pipebench.guard import running
from pipebench.guard.reading import Reader, lines_with
from pipebench.records import store
from pipebench.records.command import CommandLaunch, CommandMetric, CommandRecord
from pipebench.records.schema import Failure, WarningRecord
from pipebench.run.ending import refusal
from pipebench.system.names import as_text
from pipebench.telemetry import gpus, other_runs
from pipebench.telemetry.environment import Value, environment
from pipebench.warning_codes import WarningCode

SIDE = "PIPEBENCH_SIDE"  # tells the command which side it is
OURS = (SIDE, other_runs.BELOW)
_TOLD = 1 << 16  # bytes at the end of its errors, of which a line is shown
_OF_OUR_PYTHON = frozenset({"python", "implementation", "libc"})
_LONG = 80  # characters of the command that errors show


class Measured(NamedTuple):
    """What is measured in a launch: the metric, how many of its first values do not count, how long it may take."""

    metric: CommandMetric
    skip: int = 1
    within_s: float = inf


@dataclass(frozen=True)
class Side:
    """One of the two sides.

    ``label`` is A or B; ``text`` says for people what it is; ``variables`` are added to the user's environment;
    ``facts`` go into the environment block of its record.
    """

    label: str
    text: str
    command: Sequence[str]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the command."""
        return dict(os.environ) | {"PWD": str(self.folder), SIDE: self.label} | dict(self.variables)

    @property
    def told(self) -> str:
        """What it is, for reports."""
        return self.text

    @property
    def name(self) -> str:
        """What it is called in errors."""
        return f"side {self.label} ({self.text})"


def launch(side: Side, measured: Measured, place: Path) -> CommandRecord:
    """Run a side's command to its end; its stderr is kept in ``place``.

    Raises:
        RunFailedError: It failed, or what it printed is no number; with the file of its stderr.
        DeadlineError: It took too long; likewise.
        UnusableOutputError: It did not print the metric, or not often enough; likewise.
        EnvironmentRefusedError: The system cannot start it.
    """
    field = measured.metric.field
    log, reader = _log_of(side, place), Reader(field)
    started, begun_s = store.now(), time.monotonic()
    try:
        with other_runs.watched() as another:
            _ended(side, reader, place, measured.within_s)
            beside = another()
        wall_s = time.monotonic() - begun_s
        reader.check(measured.skip)
    except (UsageError, RunBrokenError) as error:
        broken, hint = (
            (type(error), "")
            if isinstance(error, RunBrokenError)
            else (UnusableOutputError, _of_errors(log, field))
        )
        raise broken(f"{side.name}: {error}{hint}", log=log if log.stat().st_size else "") from None
    taken = CommandLaunch(started.isoformat(timespec="seconds"), wall_s, reader.values, measured.skip)
    return record_of(side, measured, [taken], beside=beside)


def record_of(
    side: Side,
    measured: Measured,
    launches: Sequence[CommandLaunch],
    *,
    failure: Failure | None = None,
    beside: bool = False,
) -> CommandRecord:
    """A side's record: completed, or failed without a launch."""
    created = store.now()
    return CommandRecord(
        id=store.new_id(created, f"command-{side.label.lower()}"),
        created=created.isoformat(timespec="seconds"),
        status="completed" if failure is None else "failed",
        command=[as_text(word) for word in side.command],
        metric=measured.metric,
        skip=measured.skip,
        variables=sorted(map(as_text, side.variables)),
        launches=list(launches),
        warnings=[_BESIDE] if beside else [],
        environment=_surroundings() | dict(side.facts),
        failure=failure,
    )


def _surroundings() -> dict[str, Value]:
    """What the command ran on, without our own interpreter, which is not the command's."""
    known = {name: value for name, value in environment().items() if name not in _OF_OUR_PYTHON}
    return known | {"gpus": _gpus()}


@cache
def _gpus() -> str | None:
    """The visible GPUs such as ``4 x NVIDIA H100``, asked for once; a side may hide some by a variable."""
    names = Counter(gpu.name for gpu in gpus.gpus())
    return ", ".join(f"{count} x {name}" for name, count in sorted(names.items())) or None


def _log_of(side: Side, place: Path) -> Path:
    return place / f"{side.label}.stderr"


def _ended(side: Side, reader: Reader, place: Path, within_s: float) -> None:
    """Run the command to its end; its temporary files are in ``place``.

    Raises:
        RunFailedError: It failed.
        DeadlineError: It took too long.
        EnvironmentRefusedError: The system cannot start it.
    """
    log, below = _log_of(side, place), {other_runs.BELOW: str(place.absolute() / "measuring.lock")}
    try:
        with log.open("wb") as errors:
            code = running.run(
                side.command,
                reader.feed,
                folder=side.folder,
                environment=side.environment | below,
                errors=errors,
                within_s=within_s,
            )
    except TimeoutError:
        raise DeadlineError(
            f"{_shown(side.command)} did not end within {within_s:g} s: give more --timeout, or see what it waits for"
        ) from None
    except EnvironmentRefusedError as error:
        raise EnvironmentRefusedError(f"{side.name}: {error}") from None
    except OSError as error:
        raise refusal(error) from None
    reader.end()
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        why = answers.telling_line(_end_of(log)) or answers.readable(answers.last_line(reader.last_line))
        raise RunFailedError(f"{_shown(side.command)} {how}{f': {why}' if why else ''}")


def _kept(log: Path) -> Path | str:
    """The file of its errors, if there are any."""
    return log if log.stat().st_size else ""


def _end_of(log: Path) -> bytes:
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - _TOLD, 0))
        return file.read()


def _of_errors(log: Path, field: str) -> str:
    """What stderr says of a command that ended well and printed nothing that can be used; empty if nothing."""
    end = _end_of(log)
    found, last = lines_with(field, end), answers.telling_line(end)
    if found:
        return f"; its stderr has {field} ({found} of the last lines there): print it on stdout"
    return f"; the last word of its stderr: {last}" if last else ""


def _shown(command: Sequence[str]) -> str:
    text = shlex.join(command)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."


_BESIDE = WarningRecord(
    code=WarningCode.RUN_BESIDE,
    cause="a pipebench run measured on this machine at the same time: each slows the other down",
    next_step="run one after the other",
)
