"""A command to its end or to ours, and nothing of it afterwards."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipebench.errors import EnvironmentRefusedError, RunFailedError
from pipebench.guard.running import run

ENVIRONMENT = {"PATH": os.environ["PATH"]}
# A grandchild in a session of its own that ignores the request to end, as a launcher's worker might.
GRANDCHILD = (
    "import os, signal, sys, time\n"
    "if os.fork(): time.sleep(float(sys.argv[2])); os._exit(int(sys.argv[3]))\n"
    "os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "if os.fork(): os._exit(0)\n"
    "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)\n"
)


def ran(tmp_path: Path, *command: str, within_s: float = 60.0) -> tuple[int, bytes, str]:
    """Exit code, stdout, stderr."""
    taken: list[bytes] = []
    with (tmp_path / "errors").open("wb") as errors:
        code = run(
            command, taken.append, folder=tmp_path, environment=ENVIRONMENT, errors=errors, within_s=within_s
        )
    return code, b"".join(taken), (tmp_path / "errors").read_text()


def is_there(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def written(path: Path) -> int:
    """The process that is told of in a file, once it is."""
    until = time.monotonic() + 20
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return int(path.read_text())


@pytest.mark.parametrize("code", [0, 3, 126, 255])
def test_exit_codes_are_the_commands(tmp_path: Path, code: int) -> None:
    assert ran(tmp_path, "sh", "-c", f"echo out; echo err >&2; exit {code}") == (code, b"out\n", "err\n")


def test_a_signal_is_told_as_one(tmp_path: Path) -> None:
    assert ran(tmp_path, "sh", "-c", "kill -9 $$")[0] == -signal.SIGKILL


def test_it_runs_in_its_folder_with_its_environment_and_an_empty_stdin(tmp_path: Path) -> None:
    code, out, _ = ran(tmp_path, "sh", "-c", "pwd; cat; env | grep -c ^HOME")
    assert (code, out.decode().split()) == (1, [str(tmp_path.resolve()), "0"])


def test_signals_reach_it_as_they_reach_any_process(tmp_path: Path) -> None:
    """We hold them while we start it; it must not."""
    told = "import signal as s; print(len(s.pthread_sigmask(s.SIG_BLOCK, ())), s.getsignal(s.SIGTERM) == s.SIG_DFL)"
    assert ran(tmp_path, sys.executable, "-c", told)[1] == b"0 True\n"


@pytest.mark.parametrize("program", ["./nothing", "./text"])
def test_what_cannot_be_started_is_told(tmp_path: Path, program: str) -> None:
    (tmp_path / "text").write_text("no program\n")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(EnvironmentRefusedError, match=f"{program}: cannot be started"):
        ran(tmp_path, program)


def test_what_is_left_of_it_ends_with_it(tmp_path: Path) -> None:
    """It holds stdout open and lives in a session of its own; nobody waits for it."""
    begun = time.monotonic()
    code, _, _ = ran(tmp_path, sys.executable, "-c", GRANDCHILD, "process", "0.3", "5")
    assert code == 5
    assert not is_there(written(tmp_path / "process"))
    assert time.monotonic() - begun < 20


def test_who_closes_stdout_is_waited_for(tmp_path: Path) -> None:
    assert ran(tmp_path, "sh", "-c", "exec >&-; sleep 0.2; exit 4")[0] == 4


def test_time_that_has_passed_ends_all_of_it(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        ran(tmp_path, sys.executable, "-c", GRANDCHILD, "process", "60", "0", within_s=1.0)
    assert not is_there(written(tmp_path / "process"))


def test_an_error_of_whoever_reads_ends_all_of_it(tmp_path: Path) -> None:
    def refuse(data: bytes) -> None:
        raise KeyboardInterrupt

    command = ["sh", "-c", "echo $$; exec sleep 60"]
    with (tmp_path / "errors").open("wb") as errors, pytest.raises(KeyboardInterrupt):
        run(command, refuse, folder=tmp_path, environment=ENVIRONMENT, errors=errors, within_s=60)


def test_it_ends_when_we_are_killed(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom pipebench.guard.running import run\n"
        f"run([sys.executable, '-c', {GRANDCHILD!r}, 'process', '60', '0'], print, folder=Path.cwd(), "
        "environment={}, errors=open('errors', 'wb'), within_s=60)"
    )
    ours = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    process = written(tmp_path / "process")
    ours.kill()
    ours.wait()
    until = time.monotonic() + 20
    while is_there(process):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_whoever_kills_the_keeper_is_told_and_ended(tmp_path: Path) -> None:
    script = "sleep 60 & echo $! >process; kill -9 $PPID; sleep 60"
    begun = time.monotonic()
    with pytest.raises(RunFailedError, match=r"sh: its keeper, .*, was killed"):
        ran(tmp_path, "sh", "-c", script)
    assert time.monotonic() - begun < 20
    until = time.monotonic() + 5
    while is_there(written(tmp_path / "process")) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_there(written(tmp_path / "process"))


def test_output_of_100_megabytes_arrives(tmp_path: Path) -> None:
    """It is handed on in pieces, and nobody here keeps one."""
    sizes: list[int] = []
    command = ["sh", "-c", f"head -c 100000000 /dev/zero; {shlex.quote(sys.executable)} -c ''"]
    with (tmp_path / "errors").open("wb") as errors:
        code = run(
            command,
            lambda data: sizes.append(len(data)),
            folder=tmp_path,
            environment=ENVIRONMENT,
            errors=errors,
            within_s=60,
        )
    assert (code, sum(sizes)) == (0, 100_000_000)
    assert max(sizes) <= 1 << 16
