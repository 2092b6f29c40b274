"""What each choice inside the split layer is worth: two ways of one thing, in turn, over a sequence of 32 words.

python benchmarks/split-lstm/recipe.py [ROUNDS]
"""

import sys
import time

from measure import STEPS, Split, as_in_a_launch

SHAPES = ((256, 64), (512, 64), (512, 128))


def main() -> None:
    """Print one row a choice and shape: the fastest of all rounds."""
    as_in_a_launch()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    import torch

    torch.set_grad_enabled(False)
    print("| choice | hidden | batch | other ms | taken ms | other / taken |")
    print("|---|---|---|---|---|---|")
    for hidden, batch in SHAPES:
        for choice, (other, taken) in choices(hidden, batch).items():
            other_ms, taken_ms = best_ms(other, taken, rounds)
            cells = [choice, str(hidden), str(batch), f"{other_ms:.2f}", f"{taken_ms:.2f}"]
            print(f"| {' | '.join(cells)} | {other_ms / taken_ms:.2f} |", flush=True)


def best_ms(*ways_and_rounds) -> list[float]:
    """The fastest round of each, thread CPU time; the first round warms up."""
    *ways, rounds = ways_and_rounds
    best = [float("inf")] * len(ways)
    for number in range(rounds + 1):
        for index, way in enumerate(ways):
            begun = time.thread_time()
            way()
            spent = 1000 * (time.thread_time() - begun)
            best[index] = min(best[index], spent) if number else best[index]
    return best


def choices(hidden: int, batch: int):
    """By name: the other way, and the one that was taken."""
    return whole_layers(hidden, batch) | products(hidden, batch) | passes(hidden, batch)


def whole_layers(hidden: int, batch: int):
    """F, I and W by other libraries; one time step a chunk."""
    from pipebench.models.stacked_lstm.split.products import Blas, Onednn, Packed

    class Plain(Packed):
        """The private product, the weight as it is."""

        def by(self, weight_MK, bias_M, rows):  # noqa: ARG002 - the protocol's
            """Nothing is packed."""
            import torch

            multiply = torch.ops.mkldnn._linear_pointwise.default
            return lambda x_NK: multiply(x_NK, weight_MK, bias_M, "none", [], "")

    taken = Split(hidden, batch, 1, Packed()).seconds
    return {
        "whole layer: blas / packed": (Split(hidden, batch, 1, Blas()).seconds, taken),
        "whole layer: public oneDNN / packed": (Split(hidden, batch, 1, Onednn()).seconds, taken),
        "whole layer: private, weights not packed / packed": (
            Split(hidden, batch, 1, Plain()).seconds,
            taken,
        ),
    }


def products(hidden: int, batch: int):
    """Of the packed library."""
    import torch

    from pipebench.models.stacked_lstm.split.products import Packed

    library, add = Packed(), torch.ops.mkldnn._linear_pointwise.binary
    one = torch.ops.mkldnn._linear_pointwise.default
    weight_GK, bias_G = torch.randn(4 * hidden, 2 * hidden) / 30, torch.randn(4 * hidden)
    both_TBK, gates_TBG = torch.randn(STEPS, batch, 2 * hidden), torch.randn(STEPS, batch, 4 * hidden)
    both_NK, gates_NG = both_TBK.flatten(0, 1), gates_TBG.flatten(0, 1)
    hidden_TBH, input_NH = both_TBK[..., hidden:], both_NK[:, :hidden].contiguous()
    input_GH, hidden_GH = (weight.contiguous() for weight in weight_GK.chunk(2, 1))
    pack = torch.ops.mkldnn._reorder_linear_weight
    packed, hidden_packed = pack(weight_GK, batch), pack(hidden_GH, batch)
    forward, of_input = library.by(weight_GK, bias_G, batch), library.by(input_GH, bias_G, STEPS * batch)
    out_BG = torch.empty(batch, 4 * hidden)
    back = library.by(weight_GK.t(), None, batch)
    back_hidden, back_input = (library.by(w.t(), None, batch) for w in (hidden_GH, input_GH))

    def apart():
        sums = of_input(input_NH).view(STEPS, batch, -1)
        for t in range(STEPS):
            add(hidden_TBH[t], sums[t], hidden_packed, None, "add")

    def gradients_apart():
        for t in range(STEPS):
            back_hidden(gates_TBG[t])
        back_input(gates_NG)

    return {
        "F: x of the chunk, then h a step / [x,h] a step": (apart, over(lambda t: forward(both_TBK[t]))),
        "F: sigmoid in the product / apart": (
            over(lambda t: one(both_TBK[t], packed, bias_G, "sigmoid", [], "")),
            over(lambda t: torch.sigmoid(forward(both_TBK[t]), out=out_BG)),
        ),
        "I: [dx,dh] a step / dh a step, dx of the chunk": (
            over(lambda t: back(gates_TBG[t])),
            gradients_apart,
        ),
        "W: in blocks of 512 rows / all rows at once": (
            lambda: sum(
                library.summed(*pair) for pair in zip(both_NK.split(512), gates_NG.split(512), strict=True)
            ),
            lambda: library.summed(both_NK, gates_NG),
        ),
        "W: [4H,2H] / transposed, and its parts copied": (
            lambda: library.summed(gates_NG, both_NK),
            lambda: [part.t().contiguous() for part in library.summed(both_NK, gates_NG).chunk(2)],
        ),
        "W: sum of rows / product with ones": (
            lambda: gates_NG.sum(0),
            lambda: torch.mm(gates_NG.new_ones(1, len(gates_NG)), gates_NG),
        ),
    }


def passes(hidden: int, batch: int):
    """Over the gates of all time steps."""
    import torch

    gates_TBG, cells_TBH = torch.randn(STEPS, batch, 4 * hidden), torch.randn(STEPS, batch, hidden)
    gates, cells = gates_TBG.unbind(0), cells_TBH.unbind(0)
    views = [gate.chunk(4, 1) for gate in gates]
    out_BH, constant, scratch_BG = cells[0].clone(), torch.tensor(1.0), gates[0].clone()
    derive = torch.ops.aten.sigmoid_backward.grad_input

    def by_sigmoid(t):
        torch.sigmoid(cells[t], out=out_BH)
        torch.add(constant, out_BH, alpha=-2, out=out_BH)

    def by_products(t):
        torch.addcmul(gates[t], gates[t], gates[t], value=-1, out=scratch_BG)
        scratch_BG.mul_(gates[t])

    return {
        "tanh / 1 - 2 sigmoid": (over(lambda t: torch.tanh(cells[t], out=out_BH)), over(by_sigmoid)),
        "four views made / at hand": (over(lambda t: gates[t].chunk(4, 1)), over(lambda t: views[t])),
        "new result / out=": (
            over(lambda t: gates[t] * 2),
            over(lambda t: torch.mul(gates[t], 2, out=scratch_BG)),
        ),
        "s (1 - s) by two passes / sigmoid_backward": (
            over(by_products),
            over(lambda t: derive(gates[t], gates[t], grad_input=scratch_BG)),
        ),
    }


def over(step):
    """All time steps in turn."""

    def run():
        for t in range(STEPS):
            step(t)

    return run


if __name__ == "__main__":
    main()
