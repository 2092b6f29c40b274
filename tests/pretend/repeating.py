"""Stands for an interpreter: it plans and measures each commit once, for real, and repeats what came of it.

Launches have a little noise. All else it does as this Python does it.

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
    is_launch = "--launches" in arguments
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    kept = Path(os.environ["REPEATED"]) / f"{git.stdout.strip()}-{'launch' if is_launch else 'plan'}"
    if not kept.exists():
        ended = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, check=False)
        if ended.returncode:
            sys.exit(ended.returncode)
        kept.write_bytes(ended.stdout)
    sys.stdout.write(noisy(kept.read_text()) if is_launch else kept.read_text())


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
