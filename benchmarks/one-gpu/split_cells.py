"""What a split LSTM layer costs on a GPU beside cuDNN's, in turn: seconds of the wall, the GPU at rest at both ends.

    python benchmarks/one-gpu/split_cells.py

It is benchmarks/split-lstm on a GPU; see there for the ways. A line of JSON for each shape and way.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "split-lstm"))
import measure

SHAPES = ((256, 64), (512, 64), (512, 128), (1000, 128))  # hidden, batch
CHUNKS = (1, 4, 32)
ROUNDS = 7


class Stopwatch:
    """As measure.Stopwatch, but the GPU has done its work when a part ends."""

    def __init__(self) -> None:
        self.parts_s: dict[str, float] = {}
        self.begun = at_rest_s()

    def __call__(self, part: str) -> None:
        """The part ends here."""
        now = at_rest_s()
        self.parts_s[part] = self.parts_s.get(part, 0.0) + now - self.begun
        self.begun = now


def at_rest_s() -> float:
    """When the GPU has done its work."""
    torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Measure, and print a line for each shape and way."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_default_device("cuda")
    measure.Stopwatch = Stopwatch
    for hidden, batch in SHAPES:
        ways = {"stock": measure.Stock(hidden, batch)}
        ways |= {f"split {length}": measure.Split(hidden, batch, length) for length in CHUNKS}
        rounds = [{name: way.seconds() for name, way in ways.items()} for _ in range(ROUNDS + 1)][1:]
        for name in ways:
            parts = {part: 1e3 * median(each[name][part] for each in rounds) for part in rounds[0][name]}
            line = {
                "hidden": hidden,
                "batch": batch,
                "way": name,
                "ms": sum(parts.values()),
                "parts_ms": parts,
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
