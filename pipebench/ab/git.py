"""Runs git to its end: nothing leads it to another repository, and where it refuses, its own words are shown."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pipebench.errors import EnvironmentRefusedError
from pipebench.system import signals

_TRACE = re.compile(r"\d\d:\d\d:\d\d\.\d+ ")  # a line that GIT_TRACE asks for
_MOST = 600  # characters of git's words

# What git sets for a hook, or a user for another repository. All other GIT_* variables are the user's configuration and
# count: GIT_CONFIG_* may say instead of a file which folders to trust, how to sign in, where to stop looking.
_ELSEWHERE = frozenset(
    {
        *(
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_IMPLICIT_WORK_TREE",
            "GIT_COMMON_DIR",
            "GIT_NAMESPACE",
            "GIT_PREFIX",
        ),
        *(
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_QUARANTINE_PATH",
        ),
        *("GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS"),
        *("GIT_CONFIG", "GIT_INTERNAL_SUPER_PREFIX"),
    }
)


def git(arguments: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run git to its end: signals wait, no hook runs, and nothing leads it to another repository than the folder's.

    Its words are English, like ours, and it asks for no password.
    """
    program = shutil.which("git")
    if program is None:
        raise EnvironmentRefusedError("--a and --b need git: install it")
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    environment |= {"LC_ALL": "C", "LANGUAGE": "C"}
    environment.setdefault("GIT_TERMINAL_PROMPT", "0")
    try:
        with signals.held():
            return subprocess.run(
                [program, "-c", f"core.hooksPath={os.devnull}", *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="surrogateescape",  # a folder's name need not be text
                check=False,
            )
    except OSError as error:
        raise EnvironmentRefusedError(
            f"--a and --b need git, and {program} cannot be started ({error.strerror})"
        ) from None


def must(arguments: Sequence[str], top: Path) -> str:
    """Run git, and return what it prints.

    Raises:
        EnvironmentRefusedError: Git fails; the error has its own reason.
    """
    ended = git(arguments, top)
    if ended.returncode:
        command = " ".join(arguments[: 2 if arguments[0] == "worktree" else 1])
        raise EnvironmentRefusedError(f"git {command} in {top}: {why(ended)}")
    return ended.stdout


def why(ended: "subprocess.CompletedProcess[str]") -> str:
    """Git's own reason for failing, from its error on: what to do often stands behind that."""
    if ended.returncode < 0:
        return f"killed by {signal.Signals(-ended.returncode).name}"
    lines = [line.strip() for line in ended.stderr.splitlines() if line.strip() and not _TRACE.match(line)]
    first = next((n for n, line in enumerate(lines) if line.startswith(("fatal:", "error:"))), 0)
    text = " ".join(lines[first:])
    return (text if len(text) <= _MOST else f"{text[:_MOST]}...") or f"exit {ended.returncode}"
