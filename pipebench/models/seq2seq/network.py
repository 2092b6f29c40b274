"""The encoder-decoder LSTM (Sutskever, Vinyals and Le, 2014): its parts, the whole of it, and the paper's trainer.

A part has layers l of both encoder and decoder, for some l. In the encoder's segment of time it runs the encoder's
layers, and in the decoder's the decoder's layers, which begin with the state that the encoder's layers ended with.

Shape suffixes: T time steps of the slice, B sentences of the slice, H hidden, V words of the target.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from pipebench.models.drawing import draw
from pipebench.models.kind import Asked
from pipebench.models.network import DTYPES, NOTHING, Beside, Optimizer, Part, StepBatch
from pipebench.models.outline import FormKind, Slice, whole
from pipebench.models.pairs.data import PairData
from pipebench.models.projection import Projection, onednn_is_faster_for
from pipebench.models.seq2seq import ragged
from pipebench.models.seq2seq.batches import decoder_cut, encoder_cut, microbatches_of
from pipebench.models.seq2seq.outline import DECODER, ENCODER, Seq2SeqOutline
from pipebench.models.sgd import SGD, ClippedSGD
from pipebench.models.softmax import JoinedLoss, drawn_shard, word_loss

BOUND = 0.08  # of the first parameters, as in the paper
_States = list[ragged.State]


class Seq2SeqPart(nn.Module):
    """Some layers of encoder and decoder; parameter names do not depend on how the model is cut."""

    def __init__(self, outline: Seq2SeqOutline, part: Slice, device: torch.device | None = None) -> None:
        super().__init__()
        hidden, dtype = outline.hidden, DTYPES[outline.dtype]

        def layers() -> nn.ModuleDict:
            numbers = range(part.first, part.end)
            return nn.ModuleDict(
                {str(n): nn.LSTM(hidden, hidden, dtype=dtype, device=device) for n in numbers}
            )

        def words(vocab: int) -> "Words | None":
            return Words(vocab, hidden, dtype=dtype, device=device) if part.opens else None

        self.source_embedding, self.target_embedding = words(outline.source_vocab), words(outline.vocab)
        self.encoder, self.decoder = layers(), layers()
        self.projection = (
            Projection(hidden, outline.vocab, onednn=outline.onednn, dtype=dtype, device=device)
            if part.closes
            else None
        )

    def run(self, input_: Tensor, state: _States | None, beside: Beside) -> tuple[Tensor, _States | None]:
        """The output of the part's last layer, and each layer's state after the last time step.

        Args:
            input_: words [T, B] for a part with the embeddings, else activations [T, B, H].
            state: each layer's state before the first time step; ``None`` means zeros.
            beside: the segment of time; the encoder's ``target`` is how many sentences have begun at each time step.
        """
        encodes = beside.segment == ENCODER
        words = self.source_embedding if encodes else self.target_embedding
        hidden_TBH = input_ if words is None else words(input_)
        if encodes:
            return self._encode(hidden_TBH, state, beside.target.tolist())
        return self._decode(hidden_TBH, state)

    def _encode(
        self, hidden_TBH: Tensor, state: _States | None, begun_T: Sequence[int]
    ) -> tuple[Tensor, _States]:
        after: _States = []
        for number, lstm in enumerate(self.encoder.values()):
            assert isinstance(lstm, nn.LSTM)
            before = None if state is None else state[number]
            hidden_TBH, left = ragged.run(lstm, hidden_TBH, begun_T, before)
            after.append(left)
        return hidden_TBH, after

    def _decode(self, hidden_TBH: Tensor, state: _States | None) -> tuple[Tensor, _States]:
        after: _States = []
        for number, lstm in enumerate(self.decoder.values()):
            hidden_TBH, left = lstm(hidden_TBH, None if state is None else state[number])
            after.append(left)
        return hidden_TBH, after

    def loss(self, hidden_TBH: Tensor, targets_N: Tensor) -> Tensor:
        """The loss, summed over the words that are not padding."""
        assert self.projection is not None
        return word_loss(self.projection(hidden_TBH.flatten(0, 1)), targets_N)

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters by name."""
        return self.named_parameters()

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters by name; there are no buffers."""
        return self.named()


class Seq2Seq:
    """The whole model on a single device: the encoder, then the decoder."""

    def __init__(self, whole_part: Seq2SeqPart) -> None:
        self._part = whole_part
        self.loss, self.parameters = whole_part.loss, whole_part.parameters
        self.modules, self.named, self.kept = whole_part.modules, whole_part.named, whole_part.kept

    def run(
        self,
        input_: tuple[Tensor, Tensor, Tensor],
        state: None,  # noqa: ARG002 - whole sentences at once
        beside: Beside = NOTHING,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[Tensor, None]:
        """The output of the decoder's last layer.

        Args:
            input_: source words [T, B], how many sentences have begun at each of their time steps, and the decoder's
                words [T, B].
            state: none.
            beside: not used.
        """
        source_TB, begun_T, words_TB = input_
        _, thought = self._part.run(source_TB, None, Beside(ENCODER, begun_T))
        hidden_TBH, _ = self._part.run(words_TB, thought, Beside(DECODER))
        return hidden_TBH, None


class Words(nn.Module):
    """An embedding with a sparse gradient, which has only the rows of the words that occur."""

    def __init__(self, vocab: int, hidden: int, *, dtype: torch.dtype, device: torch.device | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocab, hidden, dtype=dtype, device=device))

    def forward(self, words_TB: Tensor) -> Tensor:
        """The embedded words [T, B, H]."""
        return embedding(words_TB, self.weight, sparse=True)


class Seq2SeqNetwork:
    """The model of a run in this process.

    Args:
        outline: the model's sizes. If it is not known yet which library is faster for the projection, it is found here.
        asked: what the run asks of the model.
        data: the run's sentence pairs.
    """

    def __init__(self, outline: Seq2SeqOutline, asked: Asked, data: PairData) -> None:
        if asked.found is None:
            outline = replace(outline, onednn=onednn_is_faster_for(outline, asked))
        self.outline, self.dtype = outline, DTYPES[outline.dtype]
        self.found = {"onednn_projection": outline.onednn}
        self._asked, self._data = asked, data

    def part(self, part: Slice, device: torch.device | None = None) -> Part:
        """Make a slice with its first parameters, a shard of the projection, or the loss that joins the shards."""
        if part.joins:
            return JoinedLoss()
        if part.rows is not None:
            return drawn_shard(
                part.rows, self.outline, self._asked.seed, BOUND, dtype=self.dtype, device=device
            )
        return self._drawn(Seq2SeqPart(self.outline, part, device))

    def _drawn(self, part: Seq2SeqPart) -> Seq2SeqPart:
        for name, parameter in part.named_parameters():
            draw(parameter, self._asked.seed, name, BOUND)
        return part

    def form(self, kind: FormKind, device: torch.device | None = None) -> Part:  # noqa: ARG002 - a chain either way
        """Make the whole model: the encoder, then the decoder, layer by layer."""
        return Seq2Seq(self._drawn(Seq2SeqPart(self.outline, whole(self.outline), device)))

    def batch(
        self,
        number: int,
        *,
        microbatches: int = 1,
        chunks: int | None = None,
        device: torch.device | None = None,
    ) -> StepBatch:
        """A batch: slices of the encoder, then of the decoder. ``chunks=None`` gives whole sentences, uncut in time."""
        batch = self._data.batches[number]
        cuts = [
            (encoder_cut(sources, chunks or 1, device), decoder_cut(targets, chunks or 1, device))
            for sources, targets in microbatches_of(batch, microbatches)
        ]
        sentences = float(len(batch.source.lengths))
        if chunks is None:
            wholes = [[(source.inputs[0], source.targets[0], words.inputs[0])] for source, words in cuts]
            return StepBatch(wholes, [words.targets for _, words in cuts], batch.words, sentences)
        return StepBatch(
            [[*source.inputs, *words.inputs] for source, words in cuts],
            [[*source.targets, *words.targets] for source, words in cuts],
            batch.words,
            sentences,
            tuple(source.steps + words.steps for source, words in cuts),
        )

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """SGD, which clips the norm of all gradients if the run asks for that."""
        rate, most = self._asked.learning_rate, self._asked.clipping
        return SGD(parameters, rate) if most is None else ClippedSGD(parameters, rate, most)
