"""A decoder-only Transformer: its blocks, a part of it, and the whole.

Token-level pipelining (TeraPipe, arXiv 2102.07988): a chunk of time attends to the keys and values of the chunks before
it. They are a part's state. So the stage carries them over from chunk to chunk, and their gradients back.

Shape suffixes: B sequences of the slice, T its words, P the words before it, K = P + T, H width, N heads, D = H / N.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from pipebench.models.drawing import draw
from pipebench.models.kind import Asked
from pipebench.models.network import DTYPES, NOTHING, Beside, Optimizer, Part, StepBatch
from pipebench.models.outline import FormKind, Slice, whole
from pipebench.models.projection import Projection, onednn_is_faster_for
from pipebench.models.sgd import SGD
from pipebench.models.softmax import JoinedLoss, drawn_shard, word_loss
from pipebench.models.text.data import Data
from pipebench.models.transformer.outline import EXPANSION, TransformerOutline
from pipebench.models.word_batches import step_batch

State = tuple[Tensor, Tensor]  # keys and values of one block so far, [B, N, K, D] each


class _Options(TypedDict):
    """Type and place of new parameters."""

    dtype: torch.dtype
    device: torch.device | None


class Masks:
    """What a chunk's words may attend to: all words before the chunk, and in it each word itself and those before.

    ``is_causal`` of torch's attention would be wrong here: it takes a chunk's first word for the sequence's first.
    Each mask is made once, since every block of a part needs the same one.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[int, int], Tensor] = {}

    def of(self, past: int, query_BNTD: Tensor) -> Tensor | None:
        """The mask [T, K]: 0 where a word may look, else minus infinity; ``None`` if there is no past."""
        if not past:
            return None
        steps = query_BNTD.shape[2]
        if (past, steps) not in self._made:
            hidden_TK = torch.ones(steps, past + steps, dtype=torch.bool).tril(past).logical_not_()
            mask_TK = torch.zeros(hidden_TK.shape, dtype=query_BNTD.dtype).masked_fill_(hidden_TK, -torch.inf)
            self._made[past, steps] = mask_TK.to(query_BNTD.device)
        return self._made[past, steps]


class Attention(nn.Module):
    """Causal self-attention of so many heads; its linear layers have no bias."""

    def __init__(self, outline: TransformerOutline, options: _Options) -> None:
        super().__init__()
        hidden = outline.hidden
        self._heads = outline.heads
        self.query = _linear(hidden, hidden, outline, options)
        self.key_value = _linear(hidden, 2 * hidden, outline, options)
        self.output = _linear(hidden, hidden, outline, options)

    def forward(self, input_BTH: Tensor, past: State | None, masks: Masks) -> tuple[Tensor, State]:
        """The output [B, T, H], and the keys and values so far."""
        query_BNTD = self.query(input_BTH).unflatten(-1, (self._heads, -1)).transpose(1, 2)
        key_BNKD, value_BNKD = (
            self.key_value(input_BTH).unflatten(-1, (2, self._heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        )
        before = 0
        if past is not None:
            before = past[0].shape[2]
            key_BNKD = torch.cat((past[0], key_BNKD), dim=2)
            value_BNKD = torch.cat((past[1], value_BNKD), dim=2)
        mask_TK = masks.of(before, query_BNTD)
        attended_BNTD = scaled_dot_product_attention(
            query_BNTD, key_BNKD, value_BNKD, attn_mask=mask_TK, is_causal=mask_TK is None
        )
        return self.output(attended_BNTD.transpose(1, 2).flatten(2)), (key_BNKD, value_BNKD)


class Block(nn.Module):
    """Attention and an MLP, each behind a norm and beside a residual connection."""

    def __init__(self, outline: TransformerOutline, options: _Options) -> None:
        super().__init__()
        hidden = outline.hidden
        self.attention_norm = nn.LayerNorm(hidden, **options)
        self.attention = Attention(outline, options)
        self.mlp_norm = nn.LayerNorm(hidden, **options)
        self.up = _linear(hidden, EXPANSION * hidden, outline, options)
        self.down = _linear(EXPANSION * hidden, hidden, outline, options)

    def forward(self, input_BTH: Tensor, past: State | None, masks: Masks) -> tuple[Tensor, State]:
        """The output [B, T, H], and the keys and values so far."""
        attended_BTH, state = self.attention(self.attention_norm(input_BTH), past, masks)
        between_BTH = input_BTH + attended_BTH
        return between_BTH + self.down(gelu(self.up(self.mlp_norm(between_BTH)))), state


class Transformer(nn.Module):
    """A contiguous slice of the model, or all of it; parameter names do not depend on how the model is sliced."""

    def __init__(self, outline: TransformerOutline, part: Slice, device: torch.device | None = None) -> None:
        super().__init__()
        self._outline, self._masks = outline, Masks()
        hidden, vocab = outline.hidden, outline.vocab
        options: _Options = {"dtype": DTYPES[outline.dtype], "device": device}
        self.embedding = nn.Embedding(vocab, hidden, **options) if part.opens else None
        self.positions = nn.Embedding(outline.sequence_length, hidden, **options) if part.opens else None
        self.blocks = nn.ModuleDict({str(n): Block(outline, options) for n in range(part.first, part.end)})
        self.norm = nn.LayerNorm(hidden, **options) if outline.has_final_norm(part) else None
        self.projection = Projection(hidden, vocab, onednn=outline.onednn, **options) if part.closes else None

    def run(
        self,
        input_: Tensor,
        state: Sequence[State] | None,
        beside: Beside = NOTHING,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[Tensor, list[State]]:
        """The output of the slice's last block, after the final norm if it has that; and each block's keys and values.

        Args:
            input_: words [B, T] for a slice with the embedding, else activations [B, T, H].
            state: each block's keys and values before the slice's first word; ``None`` if there are none.
            beside: not used.
        """
        hidden_BTH = self._opened(input_, state[0][0].shape[2] if state else 0)
        before: Sequence[State | None] = state or [None] * len(self.blocks)
        after: list[State] = []
        for block, past in zip(self.blocks.values(), before, strict=True):
            hidden_BTH, so_far = block(hidden_BTH, past, self._masks)
            after.append(so_far)
        return hidden_BTH if self.norm is None else self.norm(hidden_BTH), after

    def _opened(self, input_: Tensor, past: int) -> Tensor:
        """Embed words and their places in the sequence [B, T, H]; activations are returned as they are."""
        if self.embedding is None or self.positions is None:
            return input_
        places_TH = self.positions.weight[past : past + input_.shape[1]]
        hidden_BTH: Tensor = self.embedding(input_) + places_TH
        return hidden_BTH

    def loss(self, hidden_BTH: Tensor, targets_N: Tensor) -> Tensor:
        """The loss, summed over the words that are not padding."""
        assert self.projection is not None
        return word_loss(self.projection(hidden_BTH.flatten(0, 1)), targets_N)

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters by name."""
        return self.named_parameters()

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters by name; there are no buffers."""
        return self.named()

    def initialise(self, seed: int) -> None:
        """Draw the parameters; the same seed gives the same model however it is sliced.

        Norms keep the values that they are made with, 1 and 0. A block adds something to its input twice. The
        weights that give what is added are divided by the square root of the number of such additions in the model, as
        in GPT-2.
        """
        bound = self._outline.hidden**-0.5
        added = (2 * self._outline.layers) ** -0.5
        for name, parameter in self.named_parameters():
            if "norm." in name:
                continue
            is_added = name.endswith(("attention.output.weight", "down.weight"))
            draw(parameter, seed, name, bound * added if is_added else bound)


def _linear(inputs: int, outputs: int, outline: TransformerOutline, options: _Options) -> Projection:
    return Projection(inputs, outputs, onednn=outline.onednn_blocks, bias=False, **options)


class TransformerNetwork:
    """The model of a run in this process.

    Args:
        outline: the model's sizes. If it is not known yet which library is faster for its products, it is found here.
        asked: what the run asks of the model.
        data: the run's words.
    """

    def __init__(self, outline: TransformerOutline, asked: Asked, data: Data) -> None:
        if asked.found is None:
            outline = replace(
                outline,
                onednn=onednn_is_faster_for(outline, asked),
                onednn_blocks=onednn_is_faster_for(outline, asked, outputs=EXPANSION * outline.hidden),
            )
        self.outline, self.dtype = outline, DTYPES[outline.dtype]
        self.found = {"onednn_projection": outline.onednn, "onednn_blocks": outline.onednn_blocks}
        self._seed, self._rate, self._data = asked.seed, asked.learning_rate, data

    def part(self, part: Slice, device: torch.device | None = None) -> Part:
        """Make a slice with its first parameters, a shard of the projection, or the loss that joins the shards."""
        if part.joins:
            return JoinedLoss()
        if part.rows is not None:
            return drawn_shard(
                part.rows,
                self.outline,
                self._seed,
                self.outline.hidden**-0.5,
                dtype=self.dtype,
                device=device,
            )
        model = Transformer(self.outline, part, device)
        model.initialise(self._seed)
        return model

    def form(self, kind: FormKind, device: torch.device | None = None) -> Part:  # noqa: ARG002 - all are the chain
        """Make the whole model, as the chain of all blocks."""
        return self.part(whole(self.outline), device)

    def batch(
        self,
        number: int,
        *,
        microbatches: int = 1,
        chunks: int | None = None,
        device: torch.device | None = None,
    ) -> StepBatch:
        """``inputs[m][c]`` int64 [B / microbatches, T / chunks], and ``targets[m][c]``: their next words, flat."""
        return step_batch(
            self._data.batches[number],
            self.outline,
            microbatches=microbatches,
            chunks=chunks,
            device=device,
            batch_first=True,
        )

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Plain SGD."""
        return SGD(parameters, self._rate)
