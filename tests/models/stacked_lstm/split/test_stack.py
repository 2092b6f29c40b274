import pytest
import torch
from torch import Tensor, nn

from pipebench.models.stacked_lstm.split.products import Products, fastest_products
from pipebench.models.stacked_lstm.split.stack import SplitStack
from tests.models.stacked_lstm.split.building import assert_same, drawn, take_gradients

CPU = torch.device("cpu")


def layers(number: int, hidden: int, dtype: torch.dtype) -> nn.ModuleList:
    torch.manual_seed(number)
    return nn.ModuleList(nn.LSTM(hidden, hidden, dtype=dtype) for _ in range(number))


def products(dtype: torch.dtype) -> Products:
    return fastest_products(16, 4, dtype, CPU)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("length", [1, 2, 6])
def test_eight_layers_behind_an_embedding_are_the_chain_of_torch_s_layers(
    dtype: torch.dtype, length: int
) -> None:
    steps, batch, hidden = 6, 4, 16
    model = nn.ModuleDict(
        {"embedding": nn.Embedding(9, hidden, dtype=dtype), "lstm": layers(8, hidden, dtype)}
    )
    nn.init.uniform_(model["embedding"].weight, -(hidden**-0.5), hidden**-0.5)
    words_TB, gradient_TBH = torch.randint(9, (steps, batch)), drawn(steps, batch, hidden, dtype=dtype)
    embedded_TBH = output_TBH = model["embedding"](words_TB)
    for layer in model["lstm"]:
        output_TBH, _ = layer(output_TBH)
    output_TBH.backward(gradient_TBH)
    expected = {"output": output_TBH.detach()} | take_gradients(model)

    stack = SplitStack(model["lstm"], products(dtype))
    buffers = stack.buffers(steps, batch)
    slices = [(first, first + length) for first in range(0, steps, length)]
    chunks = [[each.chunk(*slice_) for each in buffers] for slice_ in slices]
    embedded_TBH = model["embedding"](words_TB)
    outputs: list[Tensor] = []
    states = None
    for chunk, (first, end) in zip(chunks, slices, strict=True):
        output_TBH, states = stack.forward(chunk, embedded_TBH[first:end], states)
        outputs.append(output_TBH)
    found = {"output": torch.cat(outputs)}
    gradients: list[Tensor | None] = []
    after = None
    for chunk, (first, end) in reversed([*zip(chunks, slices, strict=True)]):
        input_gradient, after = stack.backward_input(chunk, gradient_TBH[first:end], after)
        gradients.insert(0, input_gradient)
    embedded_TBH.backward(torch.cat(gradients))
    assert take_gradients(model["lstm"]) == dict.fromkeys(take_gradients(model["lstm"]))
    stack.backward_weight(chunks)
    stack.finish()
    assert_same(expected, found | take_gradients(model))


def test_the_output_s_gradient_of_the_layer_below_is_the_input_s_of_the_one_above() -> None:
    stack = SplitStack(layers(2, 5, torch.float64), products(torch.float64))
    chunks = [each.chunk(0, 3) for each in stack.buffers(3, 2)]
    stack.forward(chunks, drawn(3, 2, 5))
    found, _ = stack.backward_input(chunks, drawn(3, 2, 5, seed=2))
    stack.forward(chunks, drawn(3, 2, 5))
    between, _ = stack.layers[1].backward_input(chunks[1], drawn(3, 2, 5, seed=2))
    expected, _ = stack.layers[0].backward_input(chunks[0], between)
    assert torch.equal(found, expected)


def test_a_stage_without_layers_hands_on_what_it_gets() -> None:
    stack = SplitStack([], products(torch.float64))
    input_TBH = drawn(3, 2, 5)
    assert stack.forward([], input_TBH) == (input_TBH, [])
    assert stack.backward_input([], input_TBH) == (input_TBH, [])
    stack.backward_weight([[]])
    stack.finish()
