import pytest
import torch
from torch import nn

from tests.models.own.ordinary import along_time
from tests.models.own.samples import WIDTH, Block, assert_said, of_words, probed, refused


def test_a_state_needs_time() -> None:
    text = refused(of_words(nn.LSTM(WIDTH, WIDTH, batch_first=True)))
    assert_said(text, "layer 1 (LSTM) has a state", "no time_dimension")


class Stateful(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x, state):
        return self.function(x, state)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.LSTM(WIDTH, 3, bidirectional=True, batch_first=True), ["layer 1 (LSTM)", "looks ahead or keeps no state"]),
        (nn.TransformerEncoderLayer(WIDTH, 2, 8, 0.0, batch_first=True), ["looks ahead or keeps no state"]),
        (Block(lambda x: x.cumsum(1)), ["layer 1 (Block)", "looks ahead or keeps no state"]),
        (Block(lambda x: x + torch.arange(x.shape[1])[:, None]), ["looks ahead or keeps no state"]),
        (Block(lambda x: x.mean(1)), ["looks ahead or keeps no state"]),
        (Block(lambda x: x @ x.mT), ["layer 1 (Block)", "cannot be put together", "a chunk of 4 time steps"]),
        (Stateful(lambda x, state: (x, None)), ["the state of layer 1 (Stateful) has None in it"]),
        (Stateful(lambda x, state: x), ["layer 1 (Stateful) takes two arguments", "(output, state)", "a Tensor"]),
        (Stateful(lambda x, state: (x, x, x)), ["takes two arguments"]),
        (Stateful(lambda x, state: (x + 0 * state, x)), ["TypeError"]),
        (Stateful(lambda x, state: (x.cumsum(1), x)), ["looks ahead or keeps no state"]),
        (Stateful(lambda x, state: ([x], x)), ["the output of layer 1 (Stateful) is a list"]),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_cut_in_time(layer: nn.Module, said: list[str]) -> None:
    assert_said(refused(along_time(layer), chunks=3), *said)


@pytest.mark.parametrize(
    "layer", [Block(lambda x: x.cumsum(1)), nn.LSTM(WIDTH, 3, bidirectional=True, batch_first=True)]
)
def test_what_cannot_be_cut_in_time_passes_with_one_chunk(layer: nn.Module) -> None:
    probed(along_time(layer), chunks=1)
