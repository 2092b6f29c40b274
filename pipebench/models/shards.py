"""A softmax that devices share, on paper: what its shards give to the loss. Pure.

Each shard has some rows of the projection, one for each of its words. For each position it gives three figures:

    its largest logit
    the sum of exp(logit - largest) over its words
    the target's logit, or 0 if the target is a word of another shard

It gets back one number, by which exp(logit - largest) is multiplied for a word's gradient. So in float32 each position
sends 12 bytes to the loss and gets 4 back, whatever the vocabulary.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pipebench.models.edges import Edge, TensorSpec
from pipebench.models.outline import Rows

FIGURES = 3  # for each position
Pieces = Mapping[str, Sequence[Rows]]  # the rows of each of the head's parameters, by the parameter's name
LOSS_TEXT = "loss"


def figures_edge(positions: int, dtype: str, *, steps: int | None = None) -> Edge:
    """The edge from a shard to the loss, for a slice of so many positions: figures up, the gradient of the sums down.

    ``steps`` is how many time steps these positions are, if slices differ in that.
    """
    figures, sums = (None, None) if steps is None else (1, 0)
    return Edge(
        (
            TensorSpec((FIGURES, positions), dtype, gradient=False, axis=figures),
            TensorSpec((positions,), dtype, gradient=True, sent=False, axis=sums),
        ),
        packed=True,
        steps=steps,
    )


def shard_text(rows: Rows) -> str:
    """A shard in words, such as ``softmax 125-249``."""
    return f"softmax {rows.first}" if rows.number == 1 else f"softmax {rows.first}-{rows.end - 1}"


def shared_rows(rows: int, weights: Sequence[float]) -> list[Rows]:
    """The rows of each shard, in proportion to its weight; each has one at least.

    Args:
        rows: at least as many as shards.
        weights: of the shards, above 0.
    """
    spare, total = rows - len(weights), sum(weights)
    ends = [number + round(spare * sum(weights[:number]) / total) for number in range(len(weights) + 1)]
    return [Rows(first, end) for first, end in pairwise(ends)]


def piece(name: str, rows: Rows) -> str:
    """The name of some rows of a parameter."""
    return f"{name} rows {rows.first}-{rows.end - 1}"
