from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from pipebench.models.outline import Rows, Slice, whole
from pipebench.models.projection import can_use_onednn
from pipebench.models.registry import given_to, network_for
from pipebench.models.softmax import JoinedLoss, SoftmaxShard
from pipebench.models.text.data import Data
from pipebench.models.transformer.network import Masks, State, Transformer, TransformerNetwork
from pipebench.models.transformer.outline import TransformerOutline
from tests.models.transformer.building import SMALL, asked_for, with_torch_s_layers, words


def model_of(
    outline: TransformerOutline = SMALL, part: Slice | None = None, *, drawn_norms: bool = False
) -> Transformer:
    model = Transformer(outline, part or whole(outline))
    model.initialise(3)
    if drawn_norms:  # they begin as 1 and 0, which would hide a mix-up
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for name, parameter in model.named():
                if "norm." in name:
                    parameter.uniform_(0.5, 1.5, generator=generator)
    return model


def test_it_computes_what_torch_s_own_layers_do() -> None:
    model = model_of(drawn_norms=True)
    words_BT, targets_N = words(SMALL)
    expected_BTH = with_torch_s_layers(model, SMALL, words_BT)
    found_BTH, _ = model.run(words_BT, None)
    torch.testing.assert_close(found_BTH, expected_BTH, rtol=1e-10, atol=1e-12)
    projection = dict(model.named())
    logits_NV = expected_BTH.flatten(0, 1) @ projection["projection.weight"].T + projection["projection.bias"]
    expected = cross_entropy(logits_NV, targets_N, reduction="none")[targets_N != 0].sum()
    torch.testing.assert_close(model.loss(found_BTH, targets_N), expected)


def cut(state: Sequence[State]) -> list[State]:
    return [(key.detach().requires_grad_(), value.detach().requires_grad_()) for key, value in state]


def gradients_in_chunks(model: Transformer, words_BT: Tensor, targets_N: Tensor, chunks: int) -> float:
    """As a stage does it: forwards, then backwards with the gradients of keys and values carried back. The loss."""
    before: list[State] | None = None
    kept = []
    targets_BT = targets_N.view(words_BT.shape)
    for piece, target in zip(words_BT.chunk(chunks, 1), targets_BT.chunk(chunks, 1), strict=True):
        hidden_BTH, after = model.run(piece, before)
        kept.append((model.loss(hidden_BTH, target.flatten()), before, after))
        before = cut(after)
    carried: list[Tensor] = []
    for loss, before, after in reversed(kept):
        ends = [tensor for pair in after for tensor in pair] if carried else []
        torch.autograd.backward([loss, *ends], [torch.ones_like(loss), *carried])
        carried = [tensor.grad for pair in before or () for tensor in pair if tensor.grad is not None]
    return float(sum(loss.detach() for loss, _, _ in kept))


@pytest.mark.parametrize("chunks", [2, 4, 8])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("onednn", [False, True])
def test_chunks_of_time_give_the_whole_s_loss_and_gradients(
    dtype: str, tolerance: float, chunks: int, *, onednn: bool
) -> None:
    outline = replace(SMALL, dtype=dtype, onednn=onednn, onednn_blocks=onednn)
    words_BT, targets_N = words(outline)
    one, other = model_of(outline), model_of(outline)
    losses = [gradients_in_chunks(model, words_BT, targets_N, n) for model, n in ((one, 1), (other, chunks))]
    assert losses[1] == pytest.approx(losses[0], rel=tolerance)
    for (name, a), (_, b) in zip(one.named(), other.named(), strict=True):
        assert a.grad is not None, name
        assert b.grad is not None, name
        assert float((a.grad - b.grad).norm()) <= tolerance * float(a.grad.norm()), name


def test_a_word_sees_none_that_comes_later() -> None:
    model = model_of()
    words_BT, _ = words(SMALL)
    before, _ = model.run(words_BT, None)
    changed_BT = words_BT.clone()
    changed_BT[:, 5] = (changed_BT[:, 5] - 3 + 1) % (SMALL.vocab - 3) + 3
    after, _ = model.run(changed_BT, None)
    differs_T = (before != after).any(-1).any(0)
    assert differs_T.tolist() == [False] * 5 + [True] * 3


def test_torch_s_own_causal_mask_would_be_wrong_on_a_chunk() -> None:
    """What ``Masks`` is for: the upper left corner of ``is_causal`` hides a chunk's past."""
    query = torch.randn(1, 1, 2, 4)
    keys, values = torch.randn(1, 1, 6, 4), torch.randn(1, 1, 6, 4)
    mask_TK = Masks().of(4, query)
    assert mask_TK is not None
    assert mask_TK.isinf().tolist() == [[False] * 5 + [True], [False] * 6]
    right = scaled_dot_product_attention(query, keys, values, attn_mask=mask_TK)
    wrong = scaled_dot_product_attention(query, keys, values, is_causal=True)
    assert not torch.allclose(right, wrong)


def test_a_mask_is_made_once_and_none_is_needed_without_a_past() -> None:
    masks, query = Masks(), torch.zeros(1, 1, 2, 4)
    assert masks.of(0, query) is None
    assert masks.of(2, query) is masks.of(2, query)
    assert masks.of(4, query) is not masks.of(2, query)


PARTS = (
    Slice(0, 1, opens=True, closes=False),
    Slice(1, 2, opens=False, closes=False),
    Slice(2, 3, opens=False, closes=False),
    Slice(3, 3, opens=False, closes=True),
)


def test_parts_have_the_whole_s_parameters_and_compute_the_same() -> None:
    complete, parts = model_of(), [model_of(part=part) for part in PARTS]
    named = {name: value for part in parts for name, value in part.named()}
    assert named.keys() == dict(complete.named()).keys()
    assert all(torch.equal(value, named[name]) for name, value in complete.named())
    words_BT, targets_N = words(SMALL)
    hidden = words_BT
    for part in parts[:-1]:
        hidden, _ = part.run(hidden, None)
    expected, _ = complete.run(words_BT, None)
    assert torch.equal(hidden, expected)
    assert torch.equal(parts[-1].loss(hidden, targets_N), complete.loss(expected, targets_N))


def test_what_is_added_to_the_residual_stream_begins_smaller() -> None:
    named = dict(model_of().named())
    bound, added = SMALL.hidden**-0.5, (2 * SMALL.layers) ** -0.5
    for name in ("attention.output.weight", "down.weight"):
        assert 0.9 * bound * added < float(named[f"blocks.1.{name}"].detach().abs().max()) <= bound * added
    assert 0.9 * bound < float(named["blocks.1.up.weight"].detach().abs().max()) <= bound
    assert torch.equal(named["norm.weight"].detach(), torch.ones(SMALL.hidden, dtype=torch.float64))


def storages(model: Transformer, steps: int, chunks: int) -> Iterator[int]:
    """Bytes that autograd keeps of each chunk's forward, each storage once, without masks and parameters."""
    outline = model._outline
    known = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    state: list[State] | None = None
    for _ in range(chunks):
        kept: dict[int, tuple[int, Tensor]] = {}

        def keep(tensor: Tensor, kept: dict[int, tuple[int, Tensor]] = kept) -> Tensor:
            dense = tensor.layout == torch.strided
            key = tensor.untyped_storage().data_ptr() if dense else id(tensor)
            size = tensor.untyped_storage().nbytes() if dense else tensor.numel() * tensor.element_size()
            if key not in known and not (dense and tensor.isinf().any()):  # nor a mask
                kept[key] = size, tensor
            return tensor

        input_ = torch.randn(
            outline.batch, steps, outline.hidden, dtype=getattr(torch, outline.dtype), requires_grad=True
        )
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            _, after = model.run(input_, state)
        state = cut(after)
        yield sum(size for size, _ in kept.values())


@pytest.mark.parametrize("part", PARTS[1:3])
@pytest.mark.parametrize("onednn", [False, True])
@pytest.mark.parametrize("chunks", [1, 4])
def test_it_keeps_as_many_bytes_as_are_computed(part: Slice, chunks: int, *, onednn: bool) -> None:
    """More for each chunk that came before: its keys and values."""
    assert can_use_onednn(torch.float32, torch.device("cpu"))
    outline = replace(SMALL, hidden=16, dtype="float32", onednn_blocks=onednn)
    first, past = outline.saved_bytes(part, chunks), outline.past_bytes(part, chunks)
    found = [*storages(model_of(outline, part), outline.sequence_length // chunks, chunks)]
    assert found == [first + number * past for number in range(chunks)]


def test_a_network_has_parts_shards_and_batches() -> None:
    asked = asked_for(SMALL)
    network = network_for(asked, given_to(asked).data)
    assert isinstance(network, TransformerNetwork)
    assert network.found == {"onednn_projection": False, "onednn_blocks": False}, "float64 is BLAS's"
    assert isinstance(network.part(whole(SMALL)), Transformer)
    shard = network.part(Slice(3, 3, opens=False, closes=False, rows=Rows(4, 9)))
    assert isinstance(shard, SoftmaxShard)
    all_rows = dict(network.part(PARTS[-1]).named())["projection.weight"]
    assert torch.equal(shard.projection.weight, all_rows[4:9])
    assert isinstance(network.part(Slice(3, 3, opens=False, closes=True, joins=2)), JoinedLoss)
    batch = network.batch(1, microbatches=2, chunks=4)
    assert [len(batch.inputs), len(batch.inputs[0])] == [2, 4]
    assert batch.inputs[0][0].shape == (SMALL.batch // 2, SMALL.sequence_length // 4)
    whole_batch = network.batch(1)
    rows = [torch.cat(row, dim=1) for row in batch.inputs]
    assert torch.equal(torch.cat(rows), whole_batch.inputs[0][0])
    assert isinstance(given_to(asked).data, Data)


def test_targets_are_the_next_words() -> None:
    asked = asked_for(SMALL, synthetic=False)
    batch = network_for(asked, given_to(asked).data).batch(0)
    input_BT, targets_BT = batch.inputs[0][0], batch.targets[0][0].view(SMALL.batch, -1)
    following = targets_BT[:, :-1] != 0
    assert following.any()
    assert torch.equal(input_BT[:, 1:][following], targets_BT[:, :-1][following])
