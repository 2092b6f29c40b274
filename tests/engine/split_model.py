"""A whole small model as stages, each of either kind, run slice by slice in an order that the test draws."""

from collections.abc import Iterator, Sequence
from random import Random

import torch

from pipebench.engine.split_stage import SplitStage
from pipebench.engine.stages import stages_of
from pipebench.models.kind import Asked
from pipebench.models.layout import Layout, Shape, edges_of, graph_of
from pipebench.models.network import Gradients, Part, StepBatch, gradients_of, joined, merged
from pipebench.models.split import At, Payload
from pipebench.models.stacked_lstm.network import StackedLSTMNetwork
from pipebench.models.stacked_lstm.outline import LSTMOutline
from pipebench.models.text.data import PADDING
from pipebench.plan.device_kind import DeviceKind

STEPS = 6


def network(
    dtype: str,
    *,
    layers: int = 4,
    hidden: int = 7,
    vocab: int = 23,
    microbatches: int = 1,
    found: dict[str, bool] | None = None,
) -> StackedLSTMNetwork:
    """A small one, of batches of two sequences a microbatch."""
    outline = LSTMOutline(layers, hidden, vocab, 2 * microbatches, STEPS, dtype)
    asked = Asked(
        model="lstm",
        layers=layers,
        hidden=hidden,
        vocab=vocab,
        batch=2 * microbatches,
        sequence_length=STEPS,
        dtype=dtype,
        microbatches=microbatches,
        chunks=1,
        text=None,
        tokens="words",
        synthetic=True,
        seed=3,
        device=DeviceKind.CPU,
        found={"onednn_projection": False} if found is None else found,
    )
    return StackedLSTMNetwork(outline, asked, data=None)  # type: ignore[arg-type]


def batch_of(of: StackedLSTMNetwork, microbatches: int, chunks: int, seed: int) -> StepBatch:
    """Random words; a fifth of the targets are padding."""
    draw = torch.Generator().manual_seed(seed)
    shape = of.outline.sequence_length, of.outline.batch
    words_TB = torch.randint(of.outline.vocab, shape, generator=draw)
    targets_TB = torch.randint(3, of.outline.vocab, shape, generator=draw)
    targets_TB[torch.rand(shape, generator=draw) < 0.2] = PADDING
    inputs, targets = (
        [[part.contiguous() for part in rows.chunk(chunks)] for rows in words.chunk(microbatches, 1)]
        for words in (words_TB, targets_TB)
    )
    return StepBatch(inputs, [[part.flatten() for part in row] for row in targets], 7)


class SlicedModel:
    """Stages that hand each other what they compute.

    Args:
        network: of the model.
        layout: of its parts.
        split: of each stage, whether its backward is in halves.
        microbatches: of the plan.
        chunks: of the plan.
    """

    def __init__(
        self,
        network: StackedLSTMNetwork,
        layout: Layout,
        split: Sequence[bool],
        *,
        microbatches: int,
        chunks: int,
    ) -> None:
        self.network, self.layout, self.microbatches, self.chunks = network, layout, microbatches, chunks
        self.parts = [network.part(part) for part in layout.parts]
        edges = edges_of(network.outline, layout, microbatches, chunks)
        sharing = None if layout.chain == len(layout.parts) else "all"
        graph = graph_of(Shape(layout.chain, sharing), microbatches, chunks)
        usual = stages_of(dict(enumerate(self.parts)), layout, edges, graph, network=network, device=None)
        self.stages = [
            self._stage(part) if halves else usual[number]
            for number, (part, halves) in enumerate(zip(self.parts, split, strict=True))
        ]
        self.fed_by = [
            [below for below, fed in enumerate(layout.feeds) if stage in fed]
            for stage in range(len(self.parts))
        ]

    def _stage(self, part: Part) -> SplitStage:
        split = self.network.split(part, microbatches=self.microbatches, chunks=self.chunks)
        assert split is not None
        return SplitStage(
            part,
            split,
            loss=torch.zeros((), dtype=self.network.dtype),
            microbatches=self.microbatches,
            chunks=self.chunks,
        )

    def step(self, batch: StepBatch, random: Random) -> tuple[float, Gradients]:
        """The loss and all gradients, which the parts keep too."""
        self._begin(batch)
        gone_out: dict[tuple[int, At], Payload | None] = {}
        gone_back: dict[tuple[int, int, At], Payload] = {}
        slices = [(m, c) for m in range(self.microbatches) for c in range(self.chunks)]
        for number in range(len(self.stages)):
            for group in groups(slices, random):
                self._forward(number, group, gone_out)
        for number in reversed(range(len(self.stages))):
            waiting: list[At] = []
            for group in groups([(m, self.chunks - 1 - c) for m, c in slices], random):
                self._backward(number, group, gone_back)
                waiting += group
                if random.random() < 0.5:
                    waiting = self._weight(number, waiting, random)
            self._weight(number, waiting, random, everything=True)
        self._finish()
        loss = sum(float(stage.loss) for stage in self.stages)
        return loss, joined(merged(map(gradients_of, self.parts)), self.layout.pieces(self.network.outline))

    def _begin(self, batch: StepBatch) -> None:
        for stage, part in zip(self.stages, self.parts, strict=True):
            for parameter in part.parameters():
                parameter.grad = None
            stage.load(batch)
            if isinstance(stage, SplitStage):
                stage.begin()

    def _finish(self) -> None:
        for stage in self.stages:
            if isinstance(stage, SplitStage):
                stage.finish()

    def _forward(
        self, number: int, group: Sequence[At], gone_out: dict[tuple[int, At], Payload | None]
    ) -> None:
        stage = self.stages[number]
        received = [[_there(gone_out[below, at]) for below in self.fed_by[number]] for at in group]
        found = (
            stage.forward_many(group, received)
            if isinstance(stage, SplitStage)
            else [stage.forward(*at, given) for at, given in zip(group, received, strict=True)]
        )
        for at, payload in zip(group, found, strict=True):
            gone_out[number, at] = payload

    def _backward(
        self, number: int, group: Sequence[At], gone_back: dict[tuple[int, int, At], Payload]
    ) -> None:
        stage = self.stages[number]
        received = [[gone_back[number, above, at] for above in self.layout.feeds[number]] for at in group]
        found = (
            stage.backward_input_many(group, received)
            if isinstance(stage, SplitStage)
            else [stage.backward(*at, given) for at, given in zip(group, received, strict=True)]
        )
        for at, payloads in zip(group, found, strict=True):
            for below, payload in zip(self.fed_by[number], payloads, strict=True):
                gone_back[below, number, at] = payload

    def _weight(
        self, number: int, waiting: list[At], random: Random, *, everything: bool = False
    ) -> list[At]:
        """W of some that wait, in any order; those that wait on."""
        stage = self.stages[number]
        random.shuffle(waiting)
        cut = len(waiting) if everything else random.randint(0, len(waiting))
        if isinstance(stage, SplitStage) and cut:
            stage.backward_weight(waiting[:cut])
        return waiting[cut:]

    def update(self) -> None:
        """Of all parameters."""
        for part in self.parts:
            self.network.optimizer(part.parameters()).step()


def groups(slices: Sequence[At], random: Random) -> Iterator[list[At]]:
    """Microbatches in any mixture, each one's slices in their order, in groups."""
    queues = {m: [at for at in slices if at[0] == m] for m, _ in slices}
    mixed = [m for m, _ in slices]
    random.shuffle(mixed)
    ordered = [queues[m].pop(0) for m in mixed]
    while ordered:
        size = random.randint(1, 3)
        yield ordered[:size]
        ordered = ordered[size:]


def _there(payload: Payload | None) -> Payload:
    assert payload is not None
    return payload
