"""What a split LSTM layer costs: F, I and W apart, beside ``nn.LSTM`` on the same sequences, in turn.

    python benchmarks/split-lstm/measure.py [ROUNDS] > results/split-lstm/costs.jsonl
    python benchmarks/split-lstm/measure.py --table results/split-lstm/costs.jsonl

One core, thread CPU time, the allocator as in a launch. Every way of a shape runs once a round, so that what slows the
machine slows all of them. A split step packs the weights anew, as after an update, and sums up all its chunks in one W.
"""

import json
import os
import sys
import time
from pathlib import Path
from statistics import median

from pipebench.launching import process
from pipebench.measuring.allocator import page_faults

SHAPES = [(hidden, batch) for hidden in (256, 512) for batch in (16, 32, 64, 128)]
CHUNKS = (1, 2, 4, 8, 32)
STEPS = 32


def main() -> None:
    """Measure, or print the table of what was measured."""
    if sys.argv[1:2] == ["--table"]:
        table(Path(sys.argv[2]))
        return
    as_in_a_launch()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for hidden, batch in SHAPES:
        for line in measured(hidden, batch, rounds):
            print(json.dumps(line), flush=True)


def as_in_a_launch() -> None:
    """Start again with the allocator's settings, one thread, one core."""
    if "tcache_count" not in os.environ.get("GLIBC_TUNABLES", ""):
        os.execve(sys.executable, [sys.executable, *sys.argv], process.start_environment())
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    process.keep_memory()
    process.pin(0)
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def measured(hidden: int, batch: int, rounds: int) -> list[dict[str, object]]:
    """Seconds of each part of each way in each round; the first round warms up."""
    import gc

    ways = {"stock": Stock(hidden, batch), "two passes": TwoPasses(hidden, batch)}
    ways |= {f"split {length}": Split(hidden, batch, length) for length in CHUNKS}
    gc.collect()
    gc.disable()
    seconds, faults = [], dict.fromkeys(ways, 0)
    for number in range(rounds + 1):
        seconds.append({})
        for name, way in ways.items():
            before = page_faults()
            seconds[-1][name] = way.seconds()
            faults[name] += page_faults() - before if number else 0
    gc.enable()
    shape = {"hidden": hidden, "batch": batch, "library": ways["split 1"].layer._products.name}
    return [
        {
            **shape,
            "way": name,
            "faults_a_round": faults[name] / rounds,
            "parts_s": [each[name] for each in seconds[1:]],
        }
        for name in ways
    ]


class Stock:
    """``nn.LSTM`` on the whole sequence."""

    def __init__(self, hidden: int, batch: int) -> None:
        import torch

        self.lstm = torch.nn.LSTM(hidden, hidden)
        self.input_TBH = torch.randn(STEPS, batch, hidden, requires_grad=True)
        self.gradient_TBH = torch.randn(STEPS, batch, hidden)

    def seconds(self) -> dict[str, float]:
        """Forward and backward."""
        stop = Stopwatch()
        output_TBH, _ = self.lstm(self.input_TBH)
        stop("F")
        self.backward(output_TBH, stop)
        for tensor in (self.input_TBH, *self.lstm.parameters()):
            tensor.grad = None
        return stop.parts_s

    def backward(self, output_TBH, stop) -> None:
        """All gradients at once."""
        output_TBH.backward(self.gradient_TBH)
        stop("B")


class TwoPasses(Stock):
    """autograd's own split of it."""

    def backward(self, output_TBH, stop) -> None:
        """The input's gradient, then those of the parameters."""
        import torch

        torch.autograd.grad(output_TBH, self.input_TBH, self.gradient_TBH, retain_graph=True)
        stop("I")
        torch.autograd.grad(output_TBH, [*self.lstm.parameters()], self.gradient_TBH)
        stop("W")


class Split(Stock):
    """The split layer on chunks of ``length`` time steps."""

    def __init__(self, hidden: int, batch: int, length: int, library=None) -> None:
        import torch

        from pipebench.models.stacked_lstm.split.layer import SplitLSTM
        from pipebench.models.stacked_lstm.split.products import fastest_products

        super().__init__(hidden, batch)
        device = self.input_TBH.device
        self.layer = SplitLSTM(self.lstm, library or fastest_products(hidden, batch, torch.float32, device))
        buffers = self.layer.buffers(STEPS, batch)
        starts = range(0, STEPS, length)
        self.chunks = [buffers.chunk(first, first + length) for first in starts]
        self.inputs = [self.input_TBH.detach()[first : first + length] for first in starts]
        self.gradients = [self.gradient_TBH[first : first + length] for first in starts]

    def seconds(self) -> dict[str, float]:
        """Packing, F of all chunks, I of all, and one W."""
        self.layer._weights._versions = [-1]  # as after an update
        stop = Stopwatch()
        self.layer._weights.refresh()
        self.layer._weights.forward(len(self.inputs[0][0]))
        stop("pack")
        state = None
        for chunk, input_TBH in zip(self.chunks, self.inputs, strict=True):
            _, state = self.layer.forward(chunk, input_TBH, state)
        stop("F")
        self._pack_backward()
        stop("pack")
        after = None
        for chunk, gradient_TBH in zip(reversed(self.chunks), reversed(self.gradients), strict=True):
            _, after = self.layer.backward_input(chunk, gradient_TBH, after)
        stop("I")
        self.layer.backward_weight(self.chunks)
        self.layer.finish()
        stop("W")
        for tensor in self.lstm.parameters():
            tensor.grad = None
        return stop.parts_s

    def _pack_backward(self) -> None:
        """What the first backward would make."""
        weights, batch = self.layer._weights, len(self.inputs[0][0])
        if len(self.inputs[0]) == 1:
            weights.backward_both(batch)
            return
        weights.backward_hidden(batch)
        weights.backward_input(len(self.inputs[0]) * batch)


class Stopwatch:
    """Seconds of this thread between calls, added up by name."""

    def __init__(self) -> None:
        self.parts_s: dict[str, float] = {}
        self.begun = time.thread_time()

    def __call__(self, part: str) -> None:
        """The part ends here."""
        now = time.thread_time()
        self.parts_s[part] = self.parts_s.get(part, 0.0) + now - self.begun
        self.begun = time.thread_time()


def table(path: Path) -> None:
    """Each part's fastest round, and the whole over stock's: of the fastest rounds, and the median of rounds."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    parts = ("pack", "F", "I", "W", "B")
    heads = [*("hidden", "batch", "way"), *(f"{part} ms" for part in parts)]
    heads += ["without packing / stock", "whole / stock", "median round"]
    print(f"| {' | '.join(heads)} |")
    print("|" + "---|" * len(heads))
    for line in lines:
        stock = next(
            each
            for each in lines
            if (each["hidden"], each["batch"], each["way"]) == (line["hidden"], line["batch"], "stock")
        )
        pairs = zip(line["parts_s"], stock["parts_s"], strict=True)
        ratios = [sum(one.values()) / sum(other.values()) for one, other in pairs]
        best = {part: best_s(line, part) for part in line["parts_s"][0]}
        stock_s = sum(best_s(stock, part) for part in ("F", "B"))
        cells = [
            *(str(line[key]) for key in ("hidden", "batch", "way")),
            *(f"{1000 * best[part]:.2f}" if part in best else "" for part in parts),
            f"{(sum(best.values()) - best.get('pack', 0)) / stock_s:.3f}",
            f"{sum(best.values()) / stock_s:.3f}",
            f"{median(ratios):.3f}",
        ]
        print(f"| {' | '.join(cells)} |")


def best_s(line, part: str) -> float:
    """Of a part, over rounds: CPU time errs upwards only."""
    return min(each[part] for each in line["parts_s"])


if __name__ == "__main__":
    main()
