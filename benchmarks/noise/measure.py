"""Runs the study: ten default runs, with runs of the two variants in between, on an otherwise idle machine.

Usage: python benchmarks/noise/measure.py [FOLDER]   (default results/noise; about 17 minutes)
"""

import os
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("pipebench")
VARIANTS = {
    "default": ([], {}),
    "device-order": (["--emulation-order", "device", "--quick"], {}),
    "default-allocator": (["--quick"], {"PIPEBENCH_ALLOCATOR": "default"}),
}
SEQUENCE = [
    *["default", "default", "device-order", "default", "default", "default-allocator", "default"],
    *[
        "default",
        "device-order",
        "default",
        "default",
        "default-allocator",
        "default",
        "default",
        "device-order",
    ],
]


def main() -> None:
    """Run them in turn; each keeps its record in a folder of its variant."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/noise")
    for number, variant in enumerate(SEQUENCE, start=1):
        options, environment = VARIANTS[variant]
        print(f"{number} of {len(SEQUENCE)}: {variant}", file=sys.stderr)
        command = [COMMAND, "run", "--gpus", "8", *options, "--quiet", "-o", folder / variant]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)


if __name__ == "__main__":
    main()
