"""Stands for an interpreter: it measures each commit once, for real, and repeats that record with a little noise.

A plan on paper it takes for good: the launch makes the same one. All else it does as this Python does it.

REPEATED    a folder for the records
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

_SPREAD = 0.002


def main() -> None:
    arguments = sys.argv[1:]
    if "run" not in arguments:
        os.execv(sys.executable, [sys.executable, *arguments])
    if "--dry-run" in arguments:
        return
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    kept = Path(os.environ["REPEATED"]) / git.stdout.strip()
    if not kept.exists():
        ended = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, check=False)
        if ended.returncode:
            sys.exit(ended.returncode)
        kept.write_bytes(ended.stdout)
    sys.stdout.write(noisy(kept.read_text()))


def noisy(text: str) -> str:
    """The record with all its steps as much longer or shorter."""
    record = json.loads(text)
    noise = 1 + Random(os.urandom(8)).gauss(0, _SPREAD)
    for kind in ("baseline", "pipeline"):
        steps = record["launches"][0][kind]
        steps["step_s"] = [noise * step for step in steps["step_s"]]
    return json.dumps(record)


if __name__ == "__main__":
    main()
