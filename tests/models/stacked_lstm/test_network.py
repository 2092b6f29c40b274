import torch

from pipebench.models.layout import stage_slices
from pipebench.models.outline import whole
from pipebench.models.stacked_lstm.network import FusedLSTM, StackedLSTM, word_loss
from pipebench.models.stacked_lstm.outline import LSTMOutline
from pipebench.models.text.data import PADDING

WORKLOAD = LSTMOutline(layers=4, hidden=8, vocab=20, batch=3, sequence_length=5)


def parameters(partition: list[int], seed: int) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for layers in stage_slices(partition):
        model = StackedLSTM(WORKLOAD, layers)
        model.initialise(seed)
        found |= dict(model.named_parameters())
    return found


def test_slicing_does_not_change_the_parameters() -> None:
    whole = parameters([4], 3)
    for partition in ([1, 3], [2, 1, 1], [1, 1, 1, 1, 0]):
        sliced = parameters(partition, 3)
        assert sliced.keys() == whole.keys()
        assert all(torch.equal(sliced[name], whole[name]) for name in whole)


def test_parameters_are_as_many_as_the_workload_computes() -> None:
    for layers in stage_slices([2, 1, 1, 0]):
        model = StackedLSTM(WORKLOAD, layers)
        assert sum(p.numel() for p in model.parameters()) == WORKLOAD.parameters(layers)


def test_the_fused_model_is_the_chain_in_one_call() -> None:
    fused, chain = FusedLSTM(WORKLOAD), StackedLSTM(WORKLOAD, whole(WORKLOAD))
    fused.initialise(5)
    chain.initialise(5)
    assert dict(fused.named()).keys() == dict(chain.named()).keys()
    words = torch.randint(3, 20, (5, 3))
    targets = torch.randint(3, 20, (15,))
    losses = [model.loss(model.run(words, None)[0], targets) for model in (fused, chain)]
    torch.testing.assert_close(*losses)


def test_padding_has_no_loss() -> None:
    logits = torch.randn(4, 20)
    targets = torch.tensor([4, PADDING, 7, PADDING])
    log = logits.log_softmax(1)
    expected = -(log[0, 4] + log[2, 7])
    torch.testing.assert_close(word_loss(logits, targets), expected)


def test_nothing_but_padding_is_a_loss_of_zero_with_zero_gradient() -> None:
    logits = torch.randn(2, 20, requires_grad=True)
    loss = word_loss(logits, torch.tensor([PADDING, PADDING]))
    loss.backward()
    assert (loss.item(), logits.grad.abs().sum().item()) == (0.0, 0.0)
