"""A side: an interpreter, an environment and options of ``run``. One launch of it is one ``pipebench run``.

Only what is public is used (``--version``, ``run``, its options, exit codes and record), since a side may be another
version of pipebench. A run is started with signals held, so that Ctrl-C reaches it only through us. It is killed
when we end, however we end, and its own processes end with it.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipebench import __version__
from pipebench.ab import answers
from pipebench.ab.options import values
from pipebench.config import config_file
from pipebench.errors import (
    CorruptRecordError,
    EnvironmentRefusedError,
    ExitCode,
    PipebenchError,
    RunFailedError,
    UsageError,
)
from pipebench.provenance.origins import VARIABLE, Origins
from pipebench.records import documents
from pipebench.records.run import CompletedRun
from pipebench.records.store import MOST_BYTES

AS_IT_IS = "as it is"  # the text of a side that only its ref makes another one
ANSWER_S = 120.0  # for an answer; a plan on paper takes longest

# Options that decide about the record itself: these are set here.
_OURS = frozenset(
    {
        "--launches",
        "--quick",
        "--rigorous",
        "--dry-run",
        "--json",
        "--quiet",
        "--output",
        "-o",
        "--help",
        "-h",
    }
)


# Exit codes of a run that are passed on.
_OF_A_RUN = frozenset(
    {
        ExitCode.USAGE,
        ExitCode.RUN_FAILED,
        ExitCode.ENVIRONMENT,
        ExitCode.DEADLINE,
        ExitCode.CORRUPT,
    }
)


class SideError(PipebenchError):
    """A run of a side that did not succeed: its exit code becomes ours."""

    def __init__(self, side: str, why: str, exit_code: ExitCode) -> None:
        super().__init__(f"{side}: {why}")
        self.why, self.exit_code = why, exit_code


@dataclass(frozen=True)
class Side:
    """One of the two sides.

    ``label`` is A or B; ``text`` says for people what it is; ``variables`` are added to the environment;
    ``worktree`` has its pipebench, if it is not one that is installed; ``folder`` is where its processes run, by
    default here; ``origins`` says what its model must not import from; ``facts`` go into the environment block of its
    record.
    """

    label: str
    text: str
    python: str = sys.executable
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    worktree: Path | None = None
    folder: Path | None = None
    origins: Origins | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes; a worktree's package hides the installed one, and uses the other packages.

        No side takes options from a config file: each may have a folder of its own, and the two would differ unseen.
        Another interpreter does not get our own paths: these would make both sides import the same packages.
        """
        ours = {VARIABLE} if self.python == sys.executable else {VARIABLE, "PYTHONPATH", "PYTHONHOME"}
        result = {name: value for name, value in os.environ.items() if name not in ours} | dict(
            self.variables
        )
        result[config_file.SWITCH] = "1"
        if self.worktree is not None:
            before = result.get("PYTHONPATH")
            result["PYTHONPATH"] = os.pathsep.join([str(self.worktree), *([before] if before else [])])
        if self.origins is not None:
            result[VARIABLE] = self.origins.encoded()
        return result

    @property
    def told(self) -> str:
        """What it is, for reports, with the names of variables but not their values."""
        text = self.text
        for name, value in self.variables.items():
            text = text.replace(f"{name}={value}", f"with {name}")
        return text


def check_options(options: Sequence[str]) -> None:
    """Refuse options of ``run`` that are not the user's to set here.

    Raises:
        UsageError: There is such an option.
    """
    for option in options:
        short = option[:2] in _OURS and not option.startswith("--")  # its value may be right behind it
        if option.partition("=")[0] in _OURS or short:
            raise UsageError(
                f"{option}: each launch is a run of its own whose {option} is set here; leave it out"
            )
    _check_text(options)


def _check_text(options: Sequence[str]) -> None:
    """Refuse a text that can be read only once: each launch reads it, and a pipe would be empty for the second."""
    for text in map(Path, values(options, "--text")):
        if _is_read_once(text):
            raise UsageError(
                f"--text {text}: expected a file, since each launch reads it; save it as one first"
            )


def _is_read_once(path: Path) -> bool:
    try:
        return path.is_fifo() or path.is_char_device()
    except OSError:  # a run will say so
        return False


def check(side: Side) -> None:
    """Make sure that the side has the pipebench that is meant, and that its options are good.

    Raises:
        EnvironmentRefusedError: It has no pipebench that starts.
        SideError: Its ``run`` refuses the options.
    """
    found = answers.ended(side, ["-c", "import pipebench; print(pipebench.__file__)"], within_s=ANSWER_S)
    if found.returncode or Path(answers.last_line(found.stdout)).name != "__init__.py":
        raise EnvironmentRefusedError(f"side {side.label} ({side.text}): {_without_pipebench(side, found)}")
    if side.worktree is not None and not _lies_in(found.stdout, side.worktree):
        raise EnvironmentRefusedError(
            f"side {side.label} ({side.text}): {side.python} takes pipebench from elsewhere "
            f"({answers.last_line(found.stdout)}); name interpreters with --a-python and --b-python"
        )
    started = answers.ended(side, ["-m", "pipebench", "--version"], within_s=ANSWER_S)
    if started.returncode:
        raise EnvironmentRefusedError(
            f"side {side.label} ({side.text}): pipebench does not start ({_why(started)}); "
            "if it needs other packages, name interpreters that have them with --a-python and --b-python"
        )
    _check_origins_known(side)
    planned = answers.ended(
        side, ["-m", "pipebench", "run", *side.options, "--dry-run", "--json"], within_s=ANSWER_S
    )
    if planned.returncode:
        raise _failed(side, planned)


def _check_origins_known(side: Side) -> None:
    """Check that an installed pipebench looks where modules come from; else two refs could run the same code unseen."""
    if side.origins is None or side.worktree is not None:
        return
    # its place in this version, then in the first ones that had it
    known = "try:\n import pipebench.provenance.origins\nexcept ImportError:\n import pipebench.origins"
    found = answers.ended(side, ["-c", known], within_s=ANSWER_S)
    if found.returncode:
        raise EnvironmentRefusedError(
            f"side {side.label} ({side.text}): the pipebench of {side.python} cannot tell where a model's code comes "
            f"from; install {__version__} or newer there"
        )


def launch(side: Side, place: Path, *, launches: int = 1) -> CompletedRun:
    """Run the side once, and return its record; what it writes goes below ``place``, a temporary folder.

    Raises:
        SideError: The run did not succeed.
        CorruptRecordError: What it printed is no record that this version can read.
    """
    effort = ["--launches", str(launches), "--json", "--quiet", "-o", str(place / "runs")]
    run = ["-m", "pipebench", "run", *side.options, *effort]
    ended = answers.ended(side, run, most=MOST_BYTES, TMPDIR=str(place))
    if ended.returncode:
        raise _failed(side, ended)
    record = documents.decode(ended.stdout, f"side {side.label} ({side.text})")
    if not isinstance(record, CompletedRun):
        raise CorruptRecordError(f"side {side.label} ({side.text}): expected the record of a completed run")
    return record


def _failed(side: Side, ended: answers.Ended) -> SideError:
    """The error of a failed run, with its own last line and exit code; a code that no run ends with is a failure."""
    code = ended.returncode
    known = ExitCode(code) if code in _OF_A_RUN else RunFailedError.exit_code
    why = _why(ended) if code < 0 else _last_error(ended.stderr) or _why(ended)
    return SideError(f"side {side.label} ({side.text})", why, known)


def _without_pipebench(side: Side, ended: answers.Ended) -> str:
    """Why an interpreter cannot import pipebench: it has none, or something else is wrong."""
    why = _why(ended) if ended.returncode else "no answer"
    if not ended.returncode or "No module named 'pipebench'" in why:
        return f"no pipebench there ({why}); install it there, of the version that is to be measured"
    return f"{side.python} cannot import pipebench: {why}"


def _why(ended: answers.Ended) -> str:
    """A process's own last line, or how it ended without one."""
    if ended.returncode < 0:
        return f"killed by signal {-ended.returncode}"
    return answers.telling_line(ended.stderr) or f"exit {ended.returncode} without a word"


def _last_error(text: bytes) -> str:
    """The run's error line, else its last one."""
    marked = [line for line in text.decode(errors="replace").splitlines() if "pipebench: error: " in line]
    return marked[-1].partition("pipebench: error: ")[2] if marked else answers.last_line(text)


def _lies_in(printed: bytes, folder: Path) -> bool:
    return Path(os.fsdecode(printed).strip()).resolve().is_relative_to(folder.resolve())
