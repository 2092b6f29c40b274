"""How fast the products of a split layer are, by how many rows they have: GFLOP/s, the median of all rounds.

    python benchmarks/split-lstm/rates.py [ROUNDS] > results/split-lstm/rates-zen4.md

Weights of eight layers take turns, as the devices of an emulated pipeline do, so that none of them stays in the cache.
"""

import sys
import time
from statistics import median

from measure import as_in_a_launch

HIDDEN = (256, 512)
ROWS = (16, 32, 64, 128, 4096)
WAITING = (512, 2048, 4096)  # rows of W
LAYERS = 8


def main() -> None:
    """Print a row a size and product."""
    as_in_a_launch()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    import torch

    torch.set_grad_enabled(False)
    print("| hidden | product | rows | GFLOP/s |")
    print("|---|---|---|---|")
    for hidden in HIDDEN:
        for name, rows, rate in rates(hidden, rounds):
            print(f"| {hidden} | {name} | {rows} | {rate:.0f} |", flush=True)


def rates(hidden: int, rounds: int):
    """Of F and I with packed weights by rows, and of W by rows, in several forms."""
    import torch

    from pipebench.models.stacked_lstm.split.products import Packed

    packed, flops = Packed(), 2 * 2 * hidden * 4 * hidden
    for name, shape in (("F", (4 * hidden, 2 * hidden)), ("I", (2 * hidden, 4 * hidden))):
        weights = [torch.randn(*shape) for _ in range(LAYERS)]
        for rows in ROWS:
            products = [packed.by(weight, None, rows) for weight in weights]
            x_NK = torch.randn(rows, shape[1])
            yield name, rows, rate(products, (x_NK,), flops * rows, rounds)
    for rows in WAITING:
        both_NK, gates_NG = torch.randn(rows, 2 * hidden), torch.randn(rows, 4 * hidden)
        for name, form in forms(packed).items():
            yield name, rows, rate([form], (both_NK, gates_NG), flops * rows, max(5, rounds // 6))


def forms(packed):
    """Ways of W: that of the layer, and others."""
    import torch

    multiply = torch.ops.mkldnn._linear_pointwise.default
    backward = torch.ops.aten.mkldnn_linear_backward_weights
    return {
        "W": packed.summed,
        "W, transposed": lambda both, gates: packed.summed(gates, both),
        "W, inputs copied": lambda both, gates: multiply(
            both.t().contiguous(), gates.t(), None, "none", [], ""
        ),
        "W, oneDNN's backward of a linear layer": lambda both, gates: backward(
            gates.to_mkldnn(), both.to_mkldnn(), both.new_empty(gates.shape[1], both.shape[1]), False
        ),
        "W, BLAS": lambda both, gates: torch.mm(both.t(), gates),
    }


def rate(ways, inputs, flops: int, rounds: int) -> float:
    """GFLOP/s by this thread's CPU time; the ways take turns, and the first turn of each warms up."""
    spent_s = []
    for number in range(rounds + len(ways)):
        begun = time.thread_time()
        ways[number % len(ways)](*inputs)
        if number >= len(ways):
            spent_s.append(time.thread_time() - begun)
    return flops / median(spent_s) / 1e9


if __name__ == "__main__":
    main()
