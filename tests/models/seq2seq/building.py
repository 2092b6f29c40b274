"""What the tests of the encoder-decoder start from: pairs of sentences, a small model, and a pair worked out alone."""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding

from pipebench.config.run_config import RunConfig
from pipebench.models.network import Part
from pipebench.models.outline import BATCHES
from pipebench.models.pairs.data import PairBatch, PairData, Sentences
from pipebench.models.pairs.side import Side
from pipebench.models.seq2seq.network import Seq2SeqNetwork
from pipebench.models.seq2seq.outline import Seq2SeqOutline
from pipebench.models.text.data import END
from tests.builders import run_config

Pair = tuple[Sequence[int], Sequence[int]]  # the words of a source, and of its target without the end

SMALL = Seq2SeqOutline(
    layers=3, hidden=6, source_vocab=23, vocab=19, batch=5, sequence_length=7, dtype="float64"
)
# Of unequal lengths on both sides, the longest source first; one of a single word.
PAIRS: tuple[Pair, ...] = (
    ((7, 3, 9, 9, 4, 22, 5), (8, 3)),
    ((5, 6, 7, 8, 9, 10), (3, 4, 5, 6, 7, 18)),
    ((12, 3, 4), (9,)),
    ((12, 21, 1), (10, 11, 1, 3)),
    ((3,), (17, 3, 3)),
)


def sentences(*each: Sequence[int]) -> Sentences:
    return Sentences(array("q", [word for words in each for word in words]).tobytes(), tuple(map(len, each)))


def batch_of(*pairs: Pair) -> PairBatch:
    """A batch of these pairs in their order; the targets get their end."""
    return PairBatch(
        sentences(*(source for source, _ in pairs)), sentences(*((*target, END) for _, target in pairs))
    )


def data_of(*batches: PairBatch) -> PairData:
    """These batches, the first one again where there are fewer than a run has."""
    return PairData(
        batches=(*batches, *batches[:1] * (BATCHES - len(batches))),
        kind="files",
        sha256="0" * 64,
        origin="by hand",
        pairs=len(batches),
        tokens=1,
        source_side=Side(vocabulary=1),
        target_side=Side(vocabulary=1),
        count_rule="words",
    )


def asked_for(outline: Seq2SeqOutline, **options: Any) -> RunConfig:
    """A run of such a model, on one device."""
    sizes = ("layers", "hidden", "source_vocab", "vocab", "batch", "sequence_length", "dtype")
    given = {name: getattr(outline, name) for name in sizes} | {"gpus": 1, "microbatches": 1}
    return run_config(**(given | {"model": "seq2seq", "preset": None} | options))


def network_for_pairs(*pairs: Pair, outline: Seq2SeqOutline = SMALL, **options: Any) -> Seq2SeqNetwork:
    """The model with all of its batches of these pairs."""
    outline = replace(outline, batch=len(pairs))
    return Seq2SeqNetwork(outline, asked_for(outline, **options), data_of(batch_of(*pairs)))


def alone(part: Part, pair: Pair) -> Tensor:
    """The summed loss of one pair, worked out word by word with torch's own layers and nothing of ours."""
    named = dict(part.named())
    source, target = pair
    layers = sum(name.startswith("encoder.") and name.endswith("weight_ih_l0") for name in named)

    def run(side: str, hidden: Tensor, states: list[Any]) -> tuple[Tensor, list[Any]]:
        after = []
        for number in range(layers):
            size = hidden.shape[-1]
            lstm = nn.LSTM(size, size, dtype=hidden.dtype)
            for name, _ in [*lstm.named_parameters()]:
                setattr(lstm, name, named[f"{side}.{number}.{name}"])
            hidden, state = lstm(hidden, states[number])
            after.append(state)
        return hidden, after

    read = embedding(torch.tensor([*reversed(source)]), named["source_embedding.weight"])
    _, thought = run("encoder", read[:, None], [None] * layers)
    written = embedding(torch.tensor([END, *target]), named["target_embedding.weight"])
    hidden, _ = run("decoder", written[:, None], thought)
    logits = hidden[:, 0] @ named["projection.weight"].T + named["projection.bias"]
    return cross_entropy(logits, torch.tensor([*target, END]), reduction="sum")
