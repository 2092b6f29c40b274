"""How soon a run on two hosts ends when something breaks: two ranks on each of two network namespaces, by torchrun.

Usage: python benchmarks/faults/hosts.py          measure (3 minutes; root, iproute2) into results/faults/hosts.json
       python benchmarks/faults/hosts.py --table  print its table
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.hosts.hosts import Hosts, hosts
from tests.hosts.launching import end, start, until_timed

RESULTS = Path(__file__).parents[2] / "results" / "faults" / "hosts.json"
LONG = ("--steps", "100000", "--deadline", "600")
ROUNDS = 3


def main() -> None:
    """Measure, then print the table."""
    if "--table" not in sys.argv:
        RESULTS.write_text(json.dumps(measured(), indent=1) + "\n")
    print("| what breaks | until both torchruns have ended, slowest of 3 |")
    print("|---|---|")
    for what, seconds in json.loads(RESULTS.read_text()).items():
        print(f"| {what} | {max(seconds):.1f} s |")


def measured() -> dict[str, list[float]]:
    """Each fault three times, in turn."""
    found: dict[str, list[float]] = {what: [] for what in FAULTS}
    for number in range(ROUNDS):
        for what, happen in FAULTS.items():
            print(f"round {number + 1} of {ROUNDS}: {what}", file=sys.stderr)
            with hosts(2) as two, tempfile.TemporaryDirectory() as folder:
                processes = start(two, 2, *LONG, cwd=Path(folder))
                ranks = until_timed(two, 4)
                began = time.monotonic()
                happen(two, ranks, [process.pid for process in processes])
                end(processes)
                found[what].append(time.monotonic() - began)
    return found


def kill(rank: int, _: Hosts, ranks: dict[int, int], __: list[int]) -> None:
    """A measuring process."""
    os.kill(ranks[rank], signal.SIGKILL)


def cut(host: int, two: Hosts, _: dict[int, int], __: list[int]) -> None:
    """A host's network."""
    two.set_link(host, "down")


def tell(host: int, number: signal.Signals, _: Hosts, __: dict[int, int], launchers: list[int]) -> None:
    """A launcher."""
    os.killpg(launchers[host], number)


FAULTS: dict[str, Callable[[Hosts, dict[int, int], list[int]], None]] = {
    "rank 3 is killed": partial(kill, 3),
    "rank 0 is killed": partial(kill, 0),
    "the network interface of the second host goes down": partial(cut, 1),
    "that of rank 0's host goes down": partial(cut, 0),
    "SIGTERM to the second host's torchrun": partial(tell, 1, signal.SIGTERM),
    "Ctrl-C on the first host's torchrun": partial(tell, 0, signal.SIGINT),
}

if __name__ == "__main__":
    main()
