"""Breaks real ranks in every way on every rank in every phase, and prints how soon the command has ended.

Usage: python benchmarks/faults/measure.py [FILE]          run all faults (about 5 minutes), keep the times, print
       python benchmarks/faults/measure.py FILE --table    print the table of times that were kept

FILE is results/faults/times.jsonl by default: one fault a line.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def main() -> None:
    """Measure, unless told not to, and print."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--table"]
    path = Path(arguments[0] if arguments else "results/faults/times.jsonl").absolute()
    if "--table" not in sys.argv:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "tests/cli/test_faults.py", "--all-faults"]
        subprocess.run(command, check=True, env=os.environ | {"PIPEBENCH_FAULT_TIMES": str(path)})
    print_table(path)


def print_table(path: Path) -> None:
    """The slowest of the three ranks, by fault and phase; a hang's seconds count from the deadline."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line in path.read_text().splitlines():
        found = json.loads(line)
        times[found["fault"], found["place"]].append(found["seconds"])
    places = ("start", "warm-up", "timed")
    print(f"| fault | {' | '.join(places)} |")
    print("|---|---|---|---|")
    for fault in dict.fromkeys(fault for fault, _ in times):
        cells = [f"{max(times[fault, place]):.2f} s" for place in places]
        print(f"| {fault} | {' | '.join(cells)} |")
    print(f"\n{sum(map(len, times.values()))} faults, each a run of its own")


if __name__ == "__main__":
    main()
