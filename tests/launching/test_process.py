import os
import subprocess
import sys

import pytest

from pipebench.launching import process

SCRIPT = """
import os, resource, sys
from pipebench.launching import process
process.prepare(parent=os.getppid()); process.pin(int(sys.argv[1]))
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(64 * 2**20)
before = faults()
for _ in range(5): bytearray(64 * 2**20)
print(faults() - before, len(os.sched_getaffinity(0)), max(os.sched_getaffinity(0)), os.environ["OMP_NUM_THREADS"])
"""


def prepared(rank: int, **environment: str) -> list[int]:
    """What the script prints; its standard input stays open, or it would end with us."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(rank)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=process.start_environment() | environment,
    ) as started:
        assert started.stdout is not None
        return [int(word) for word in started.stdout.read().split()]


def test_freed_memory_is_kept() -> None:
    assert prepared(0)[0] < 100 < prepared(0, PIPEBENCH_ALLOCATOR="default")[0]  # 16,384 pages each time


def test_a_process_stays_on_a_core_of_its_own_rank() -> None:
    cores = sorted(os.sched_getaffinity(0), reverse=True)
    for rank in range(3):
        _, count, core, threads = prepared(rank)
        assert (count, core, threads) == (1, cores[rank % len(cores)], 1)


def test_a_process_whose_parent_is_another_one_ends_at_once() -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pipebench.launching import process; process.prepare(parent=1); print(1)",
        ],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")


def test_a_process_ends_with_its_standard_input() -> None:
    script = (
        "import os, time; from pipebench.launching import process; process.prepare(parent=os.getppid()); "
    )
    with subprocess.Popen(
        [sys.executable, "-c", script + "time.sleep(30)"], stdin=subprocess.PIPE
    ) as started:
        assert started.stdin is not None
        started.stdin.close()
        assert started.wait(25) == 1


def test_tunables_that_are_there_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    assert process.start_environment()["GLIBC_TUNABLES"] == "glibc.malloc.check=0:glibc.malloc.tcache_count=0"
