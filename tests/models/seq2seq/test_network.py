from collections.abc import Iterable
from dataclasses import replace

import msgspec
import pytest
import torch
from torch import Tensor

from pipebench.models.layout import layout_of, stage_slices
from pipebench.models.network import Beside, Part, cut, joined, merged
from pipebench.models.outline import Rows, Slice, whole
from pipebench.models.pairs.data import synthetic
from pipebench.models.seq2seq.network import BOUND, Seq2SeqNetwork
from pipebench.models.sgd import SGD, ClippedSGD
from pipebench.models.softmax import JoinedLoss, SoftmaxShard
from pipebench.models.text.data import END, PADDING
from tests.models.seq2seq.building import (
    PAIRS,
    SMALL,
    Pair,
    alone,
    asked_for,
    batch_of,
    data_of,
    network_for_pairs,
)


def trained(network: Seq2SeqNetwork, microbatches: int = 1) -> tuple[float, Part]:
    """The loss of a step of a single device, and the model with its gradients."""
    model, batch = network.form("chain"), network.batch(0, microbatches=microbatches)
    total = 0.0
    for (input_,), (target,) in zip(batch.inputs, batch.targets, strict=True):
        output, state = model.run(input_, None, Beside())
        assert state is None
        loss = model.loss(output, target) / batch.divisor
        loss.backward()
        total += float(loss.detach())
    return total, model


def one_by_one(pairs: Iterable[Pair]) -> tuple[float, dict[str, Tensor]]:
    """The mean of the losses of these pairs, each by itself with torch's own layers, and its gradients."""
    model = network_for_pairs(*PAIRS).form("chain")
    losses = [alone(model, pair) for pair in pairs]
    loss = torch.stack(losses).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: parameter.grad for name, parameter in model.named()}
    return float(loss.detach()), {
        name: gradient for name, gradient in gradients.items() if gradient is not None
    }


def dense(gradient: Tensor | None) -> Tensor:
    assert gradient is not None
    return gradient.to_dense()


@pytest.mark.parametrize("microbatches", [1, 5])
def test_a_padded_batch_has_the_mean_loss_and_gradient_of_its_pairs_alone(microbatches: int) -> None:
    loss, model = trained(network_for_pairs(*PAIRS), microbatches)
    expected_loss, expected = one_by_one(PAIRS)
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    found = {name: dense(parameter.grad) for name, parameter in model.named()}
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{len(pair[0])} to {len(pair[1])}")
def test_a_pair_has_the_same_gradient_alone_and_beside_longer_ones(pair: Pair) -> None:
    """What the batch has more with it than without it, on both sides of the model."""
    longest = ((3, 4, 6, 8, 10, 12, 14), (3, 5, 7, 9, 11, 13))
    both_loss, both = trained(network_for_pairs(longest, pair))
    loss, without = trained(network_for_pairs(longest))
    expected_loss, expected = one_by_one([pair])
    assert 2 * both_loss - loss == pytest.approx(expected_loss, rel=1e-12)
    for (name, beside), (_, lone) in zip(both.named(), without.named(), strict=True):
        found = 2 * dense(beside.grad) - dense(lone.grad)
        torch.testing.assert_close(found, expected[name], rtol=1e-10, atol=1e-13)


def test_the_loss_is_divided_by_sentences_and_words_count_both_sides_without_padding() -> None:
    batch = network_for_pairs(*PAIRS).batch(0)
    assert batch.divisor == len(PAIRS)
    assert batch.items == sum(len(source) + len(target) + 1 for source, target in PAIRS) == 41
    ((input_,),), ((targets,),) = batch.inputs, batch.targets
    words_TB, begun_T, decoded_TB = input_
    assert (words_TB.shape, decoded_TB.shape, batch.steps) == ((7, 5), (7, 5), None)
    assert begun_T.tolist() == [1, 2, 2, 2, 4, 4, 5]
    assert (targets != PADDING).sum() == sum(len(target) + 1 for _, target in PAIRS)
    assert (decoded_TB[0] == END).all()


def test_a_cut_batch_counts_the_same_and_says_how_long_its_slices_are() -> None:
    network = network_for_pairs(*PAIRS[:4])
    batch = network.batch(0, microbatches=2, chunks=3)
    assert (batch.items, batch.divisor) == (network.batch(0).items, 4)
    assert batch.steps == ((3, 2, 2, 3, 2, 2), (1, 1, 1, 2, 2, 1))
    for inputs, targets, steps in zip(batch.inputs, batch.targets, batch.steps, strict=True):
        assert [words.shape for words in inputs] == [(length, 2) for length in steps]
        assert [target.shape for target in targets[:3]] == [(length,) for length in steps[:3]]
        assert [target.shape for target in targets[3:]] == [(2 * length,) for length in steps[3:]]


def test_an_embedding_s_gradient_has_the_rows_of_words_that_occur_and_no_others() -> None:
    _, model = trained(network_for_pairs(*PAIRS))
    found = dict(model.named())
    sources = {word for source, _ in PAIRS for word in source}
    written = {END, *(word for _, target in PAIRS for word in target)}
    for name, words in (("source_embedding.weight", sources), ("target_embedding.weight", written)):
        gradient = found[name].grad
        assert gradient is not None
        assert gradient.is_sparse
        rows = gradient.coalesce()
        moved = {
            int(row) for row, values in zip(rows.indices()[0], rows.values(), strict=True) if values.any()
        }
        assert moved == words, name
        assert set(rows.indices()[0].tolist()) <= words | {PADDING}, name


def parameters(network: Seq2SeqNetwork, parts: Iterable[Slice]) -> dict[str, Tensor]:
    made = merged(dict(network.part(part).named()) for part in parts)
    return {name: parameter.detach() for name, parameter in made.items()}


def test_first_parameters_are_uniform_to_0_08_and_fill_it() -> None:
    outline = replace(SMALL, hidden=40, source_vocab=200, vocab=150)
    network = Seq2SeqNetwork(outline, asked_for(outline), data_of(batch_of(*PAIRS)))
    assert BOUND == 0.08
    for name, parameter in network.form("chain").named():
        assert parameter.abs().max() <= 0.08, name
        if parameter.numel() > 1000:
            assert parameter.abs().max() > 0.079, name
            assert abs(float(parameter.detach().mean())) < 0.01, name
            assert float(parameter.detach().std()) == pytest.approx(0.16 / 12**0.5, rel=0.05), name


def test_first_parameters_depend_on_the_seed_and_on_each_one_s_name() -> None:
    first, same, other = (
        parameters(network_for_pairs(*PAIRS, seed=seed), [whole(SMALL)]) for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
    for left in first:
        alike = [
            right for right in first if torch.equal(first[left].flatten()[:5], first[right].flatten()[:5])
        ]
        assert alike == [left]


@pytest.mark.parametrize("partition", [(3,), (2, 1), (1, 1, 1), (1, 1, 1, 0), (3, 0)])
def test_first_parameters_are_the_same_however_the_model_is_cut(partition: tuple[int, ...]) -> None:
    network = network_for_pairs(*PAIRS)
    expected = {name: parameter.detach() for name, parameter in network.form("chain").named()}
    found = parameters(network, stage_slices(partition))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 1.0], [3.0, 1.0, 2.0]])
def test_a_shared_projection_has_the_rows_of_the_whole_one(weights: list[float]) -> None:
    network = network_for_pairs(*PAIRS)
    layout = layout_of((2, 1), SMALL.vocab, len(weights), weights)
    parts = [network.part(part) for part in layout.parts]
    assert [type(part) for part in parts[2:]] == [SoftmaxShard] * len(weights) + [JoinedLoss]
    found = joined(merged(dict(part.named()) for part in parts), layout.pieces(SMALL))
    for name, parameter in network.form("chain").named():
        tensor = found[name]
        assert tensor is not None
        assert torch.equal(tensor.detach(), parameter.detach()), name
    pieces = dict(cut(network.form("chain").kept(), layout.pieces(SMALL)))
    assert pieces.keys() == merged(dict(part.kept()) for part in parts).keys()


def test_a_shard_of_one_word_is_a_part_of_its_own() -> None:
    shard = network_for_pairs(*PAIRS).part(Slice(3, 3, opens=False, closes=False, rows=Rows(4, 5)))
    assert {name: tuple(p.shape) for name, p in shard.named()} == {
        "projection.weight rows 4-4": (1, 6),
        "projection.bias rows 4-4": (1,),
    }


def test_the_optimizer_clips_unless_nothing_is_to_be_clipped() -> None:
    network = network_for_pairs(*PAIRS)
    optimizer = network.optimizer(network.form("chain").parameters())
    assert isinstance(optimizer, ClippedSGD)
    assert (optimizer.learning_rate, optimizer.most) == (0.7, 5.0)
    asked = msgspec.structs.replace(asked_for(SMALL), clipping=None)
    unclipped = Seq2SeqNetwork(SMALL, asked, data_of(batch_of(*PAIRS)))
    assert type(unclipped.optimizer(unclipped.form("chain").parameters())) is SGD


def test_drawn_pairs_have_full_sentences_and_each_slice_its_share_of_steps() -> None:
    asked = asked_for(SMALL, synthetic=True)
    network = Seq2SeqNetwork(SMALL, asked, synthetic(asked))
    batch = network.batch(3, chunks=3)
    assert batch.steps == ((3, 2, 2) * 2,)
    assert batch.items == 2 * 5 * 7
