"""What the environment refuses ends with 7 and one line of ours, through the installed command."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, TINY, Ended, environment

RUN = ("run", *TINY, "--gpus", "2", "--layers", "2", "--launches", "1")


def run(tmp_path: Path, *arguments: str, limit: str = "", **changes: str) -> Ended:
    """A run under a limit of the shell's, with the temporary folder to itself."""
    (tmp_path / "tmp").mkdir()
    changes = {"TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"} | changes
    ended = subprocess.run(
        ["bash", "-c", f'{limit}\nexec "$0" "$@"', COMMAND, *RUN, "-o", tmp_path / "runs", *arguments],
        capture_output=True,
        text=True,
        env=environment(**changes),
        timeout=60,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def refused(ended: Ended, words: str, tmp_path: Path) -> None:
    assert ended.code == 7, ended.err
    *_, last = ended.err.strip().splitlines()
    assert last.startswith("pipebench: error: ")
    assert words in last
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert not list((tmp_path / "tmp").iterdir())
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("ulimit -n 9", "too many files are open; raise that limit (ulimit -n), or use fewer devices"),
        ("ulimit -f 1", "it is larger than a file may be (ulimit -f); raise the limit"),
        (
            "ulimit -v 300000",
            "there is too little memory or address space for it: raise the limit (ulimit -v",
        ),
    ],
)
def test_a_limit_of_the_shell(tmp_path: Path, limit: str, words: str) -> None:
    refused(run(tmp_path, "--device", "cpu", limit=limit), words, tmp_path)


def put_in(tmp_path: Path, name: str, code: str) -> dict[str, str]:
    """Code that every Python of the run meets first."""
    path = tmp_path / "first" / name
    path.parent.mkdir(parents=True)
    path.write_text(code)
    return {"PYTHONPATH": str(tmp_path / "first")}


NO_TORCH = """
import importlib.metadata, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Finder())
def version(name, known=importlib.metadata.version):
    if name == "torch":
        raise importlib.metadata.PackageNotFoundError(name)
    return known(name)
importlib.metadata.version = version
"""
FULL = """
import errno, os, pathlib
def write_bytes(self, data, real=pathlib.Path.write_bytes):
    if self.name == "job.msgpack":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return real(self, data)
pathlib.Path.write_bytes = write_bytes
"""
NO_FORK = """
import errno, os, subprocess, sys
def start(*arguments, real=subprocess.Popen, **options):
    if "pipebench.measuring.launch" in arguments[0]:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return real(*arguments, **options)
subprocess.Popen = start
"""
NO_START = "import sys\nif 'pipebench.measuring.launch' in sys.orig_argv: sys.exit('not today')\n"


@pytest.mark.parametrize(
    ("code", "device", "words"),
    [
        (NO_TORCH, "auto", "torch is not installed for"),
        (
            FULL,
            "emulated",
            "temporary files cannot be written in TMPDIR={tmp}: no space left there; free some, or set TMPDIR",
        ),
        (NO_FORK, "cpu", "no further process or thread may be started"),
        (
            NO_START,
            "cpu",
            "cannot load pipebench and torch: rank 0 exited with 1; its last output: SystemExit: not today",
        ),
        (
            "import sys; sys.executable = '/gone/python'",
            "emulated",
            "cannot be started any more (/gone/python)",
        ),
    ],
)
def test_what_a_run_needs_and_does_not_get(tmp_path: Path, code: str, device: str, words: str) -> None:
    changes = put_in(tmp_path, "sitecustomize.py", code)
    ended = run(tmp_path, "--device", device, **changes)
    refused(ended, words.format(tmp=tmp_path / "tmp"), tmp_path)


def test_a_torch_that_cannot_be_loaded(tmp_path: Path) -> None:
    said = "libgomp.so.1: cannot open shared object file: No such file or directory"
    changes = put_in(tmp_path, "torch/__init__.py", f"raise ImportError({said!r})")
    refused(
        run(tmp_path, "--device", "cpu", **changes),
        "the library libgomp.so.1 is missing: install it",
        tmp_path,
    )


def test_no_network_at_all(tmp_path: Path) -> None:
    """For real, where a user may have a network of their own with nothing in it."""
    own = [shutil.which("unshare") or "", "--user", "--map-root-user", "--net"]
    if not own[0] or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs unshare --user --net")
    ended = run(tmp_path, "--device", "cpu", limit=f'exec {" ".join(own)} "$0" "$@"')
    refused(ended, "see that it is up (ip link set lo up)", tmp_path)
