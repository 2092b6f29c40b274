"""What a backward costs whose linear layers' weights come later: I and W apart, beside a plain backward, in turn.

    python benchmarks/split-linear/measure.py [ROUNDS] > results/split-linear/costs.jsonl
    python benchmarks/split-linear/measure.py --table results/split-linear/costs.jsonl

One core, thread CPU time, the allocator as in a launch. 2048 rows in microbatches; all ways of a shape run once a
round, so that what slows the machine slows all of them. Gradients are freed after each step, as an optimizer does.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path
from statistics import median

from pipebench.launching import process

ROWS, STEPS, HEADS = 2048, 32, 8
SHAPES = [(model, *size) for model in ("block", "MLP") for size in ((256, 8), (512, 8), (256, 64))]
WAYS = ("plain", "put off", "put off, W a microbatch", "whole", "two passes")


def main() -> None:
    """Measure, or print the table of what was measured."""
    if sys.argv[1:2] == ["--table"]:
        table(Path(sys.argv[2]))
        return
    as_in_a_launch()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for model, hidden, microbatches in SHAPES:
        for onednn in (False, True) if model == "block" else (False,):
            for line in measured(model, hidden, microbatches, onednn, rounds):
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


def measured(
    model: str, hidden: int, microbatches: int, onednn: bool, rounds: int
) -> list[dict[str, object]]:
    """Seconds of each part of each way in each round; the first round warms up."""
    ways = {name: Way(name, model, hidden, microbatches, onednn) for name in WAYS}
    gc.collect()
    gc.disable()
    seconds = [{name: way.seconds() for name, way in ways.items()} for _ in range(rounds + 1)][1:]
    gc.enable()
    shape = {"model": model, "hidden": hidden, "microbatches": microbatches, "onednn": onednn}
    return [{**shape, "way": name, "parts_s": [each[name] for each in seconds]} for name in ways]


class Way:
    """A model on some microbatches, and one way of its backward."""

    def __init__(self, name: str, model: str, hidden: int, microbatches: int, onednn: bool) -> None:
        import torch

        from pipebench.models.deferred.weights import Deferred

        self.name = name
        self.part, self.run = built(model, hidden, onednn)
        self.deferred = (
            Deferred(self.part) if name in {"put off", "put off, W a microbatch", "whole"} else None
        )
        shape = (ROWS // microbatches // STEPS or 1, min(STEPS, ROWS // microbatches), hidden)
        self.inputs = [torch.randn(shape, requires_grad=True) for _ in range(microbatches)]
        self.gradient = torch.randn(shape)

    def seconds(self) -> dict[str, float]:
        """Forwards of all microbatches, then their backwards."""
        stop = Stopwatch()
        outputs = [self.run(each) for each in self.inputs]
        stop("F")
        if self.name == "two passes":
            self.two_passes(outputs, stop)
        else:
            self.backward(outputs, stop)
        for tensor in (*self.inputs, *self.part.parameters()):
            tensor.grad = None
        return stop.parts_s

    def backward(self, outputs, stop) -> None:
        """Plain (B), or I of all and then W."""
        halves = self.name.startswith("put off")
        slices = [(number, 0) for number in range(len(outputs))]
        for each in slices:
            output, outputs[each[0]] = outputs[each[0]], None
            if halves:
                with self.deferred.on(each):
                    output.backward(self.gradient)
            else:
                output.backward(self.gradient)
            del output
        stop("I" if halves else "B")
        if halves:
            for group in [slices] if self.name == "put off" else [[each] for each in slices]:
                self.deferred.weights(group)
            stop("W")

    def two_passes(self, outputs, stop) -> None:
        """Without us: the input's gradient, then those of the parameters."""
        import torch

        for output, input_ in zip(outputs, self.inputs, strict=True):
            torch.autograd.grad(output, input_, self.gradient, retain_graph=True)
        stop("I")
        while outputs:
            torch.autograd.backward(outputs.pop(), self.gradient, inputs=[*self.part.parameters()])
        stop("W")


def built(model: str, hidden: int, onednn: bool):
    """The part and its forward."""
    import torch
    from torch import nn

    from pipebench.models.outline import Slice
    from pipebench.models.transformer.network import Transformer
    from pipebench.models.transformer.outline import TransformerOutline

    torch.manual_seed(0)
    if model == "MLP":
        part = nn.Sequential(
            *(nn.Linear(hidden, 4 * hidden), nn.ReLU(inplace=True)),
            *(nn.Linear(4 * hidden, 4 * hidden), nn.ReLU(inplace=True), nn.Linear(4 * hidden, hidden)),
        )
        return part, part
    sizes = {"layers": 3, "hidden": hidden, "heads": HEADS, "vocab": 100, "batch": ROWS // STEPS}
    outline = TransformerOutline(**sizes, sequence_length=STEPS, dtype="float32", onednn_blocks=onednn)
    part = Transformer(outline, Slice(1, 2, opens=False, closes=False))
    part.initialise(0)
    return part, lambda input_BTH: part.run(input_BTH, None)[0]


class Stopwatch:
    """Seconds of this thread between calls, by name."""

    def __init__(self) -> None:
        self.parts_s: dict[str, float] = {}
        self.begun = time.thread_time()

    def __call__(self, part: str) -> None:
        """The part ends here."""
        now = time.thread_time()
        self.parts_s[part] = self.parts_s.get(part, 0.0) + now - self.begun
        self.begun = time.thread_time()


def table(path: Path) -> None:
    """Each part's fastest round, over the fastest plain backward; and the medians over rounds of the sum."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    heads = ("model", "hidden", "microbatches", "plain F + B", "I", "W", "I + W", "median round")
    heads += ("W a microbatch: I + W", "whole B", "F", "two passes: I + W")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for start in range(0, len(lines), len(WAYS)):
        print(f"| {' | '.join(row({line['way']: line for line in lines[start : start + len(WAYS)]}))} |")


def row(ways: dict[str, dict]) -> list[str]:
    """Of one shape."""
    first, off = ways["plain"], ways["put off"]
    plain_s = fastest(first, "B")
    library = ", oneDNN" if first["onednn"] else ""
    pairs = zip(off["parts_s"], first["parts_s"], strict=True)
    rounds = median((each["I"] + each["W"]) / plain["B"] for each, plain in pairs)
    ratios = [
        *(fastest(off, "I") / plain_s, fastest(off, "W") / plain_s),
        *(fastest(off, "I", "W") / plain_s, rounds),
        *(
            fastest(ways["put off, W a microbatch"], "I", "W") / plain_s,
            fastest(ways["whole"], "B") / plain_s,
        ),
        *(fastest(off, "F") / fastest(first, "F"), fastest(ways["two passes"], "I", "W") / plain_s),
    ]
    shape = [first["model"] + library, str(first["hidden"]), str(first["microbatches"])]
    return [
        *shape,
        f"{fastest(first, 'F') * 1e3:.1f} + {plain_s * 1e3:.1f} ms",
        *(f"{ratio:.2f}" for ratio in ratios),
    ]


def fastest(line: dict, *parts: str) -> float:
    """Seconds of these parts, each in its fastest round."""
    return sum(min(each[part] for each in line["parts_s"]) for part in parts)


if __name__ == "__main__":
    main()
