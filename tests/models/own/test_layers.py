import copy
from functools import partial

import pytest
import torch
from torch import nn

from pipebench import Model
from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.models.fingerprints import hashes
from pipebench.models.own.batches import Batch, batches, cut, digest, items, time_length
from pipebench.models.own.layers import OwnLayers, state_of, stateful
from tests.models.own.samples import Block, of_numbers, of_words, words_in_time


def made(*layers, dtype: str = "float32", seed: int = 1) -> OwnLayers:
    return OwnLayers(of_numbers(*layers), seed=seed, dtype=dtype)


def refused(function, *arguments, **options) -> str:
    with pytest.raises(UsageError) as raised:
        function(*arguments, **options)
    assert str(raised.value).isprintable()
    return str(raised.value)


def test_a_module_is_copied() -> None:
    given = nn.Linear(6, 4)
    layers = made(given, dtype="float64")
    first, second = layers.make(0), layers.make(0)
    assert first.weight.dtype == torch.float64
    assert given.weight.dtype == torch.float32
    assert first is not second
    assert first.weight is not second.weight
    assert torch.equal(first.weight, given.weight.double())
    assert first.training


def test_a_function_is_seeded() -> None:
    layers = made(lambda: nn.Linear(6, 4), nn.ReLU, partial(nn.Linear, 4, 4), seed=7)
    torch.manual_seed(7)
    expected = nn.Linear(6, 4)
    torch.manual_seed(3)
    assert torch.equal(layers.make(0).weight, expected.weight)
    assert torch.equal(layers.make(0).weight, expected.weight)
    assert layers.names == ("Linear", "ReLU", "Linear")
    assert len(layers) == 3


def test_only_floating_numbers_are_converted() -> None:
    layer = nn.Linear(6, 4)
    layer.register_buffer("table", torch.arange(3))
    layer.register_buffer("scale", torch.ones(3))
    layer.register_buffer("turn", torch.ones(3, dtype=torch.complex64))
    layer.weight.requires_grad_(False)
    found = dict(state_of(made(layer.eval(), dtype="float64").make(0)))
    assert [t.dtype for t in found.values()] == [
        *(torch.float64, torch.float64, torch.int64, torch.float64, torch.complex64)
    ]
    assert not found["weight"].requires_grad


def test_names_of_a_sequential() -> None:
    twice = nn.Linear(6, 6)
    keyed = nn.Sequential()
    keyed.add_module("first", nn.Linear(6, 6))
    keyed.add_module("1", nn.ReLU())
    assert OwnLayers(Model(keyed, max, max), seed=1, dtype="float32").names == ("first", "ReLU")
    assert (
        OwnLayers(Model(nn.Sequential(twice, twice), max, max), seed=1, dtype="float32").names
        == ("Linear",) * 2
    )


def fails():
    raise ValueError("no such size")


def uncopied() -> nn.Module:
    layer = nn.Linear(6, 6)
    layer.kept = layer.weight * 2
    return layer


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (fails, ["layer 0", "ValueError: no such size (test_layers.py, line "]),
        (lambda: 3, ["layer 0", "returns an int", "nn.Module"]),
        (lambda: None, ["returns None"]),
        (uncopied(), ["layer 0 (Linear)", "a function that makes the layer"]),
        (lambda: nn.Linear, ["returns a type"]),
        (nn.LazyLinear(4), ["layer 0 (LazyLinear)", "weight", "no shape"]),
        (nn.Linear(6, 4, device="meta"), ["layer 0 (Linear)", "weight", "meta"]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_layer_that_cannot_be_made(layer, words: list[str]) -> None:
    text = refused(made(layer).make, 0)
    for word in words:
        assert word in text


def with_forward(function) -> nn.Module:
    return type("Layer", (nn.Module,), {"forward": function})()


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (with_forward(lambda self, x: x), False),
        (with_forward(lambda self, x, state: x), True),
        (with_forward(lambda self, x, state=None: x), True),
        (with_forward(lambda self, x, state, flag=False: x), True),
        (with_forward(lambda self, x, *, flag=False: x), False),
        (with_forward(lambda self, x, *, state: x), False),
        (with_forward(lambda self, x, scale=1.0: x), False),
        (with_forward(lambda self, x, mask=None: x), False),
        (with_forward(lambda self, x, a=None, b=None: x), False),
        (with_forward(lambda self, *args: args), False),
        (with_forward(lambda self, *args, **options: args), False),
        (with_forward(lambda self, x, *args: x), False),
        (nn.LSTM(2, 2), True),
        (nn.GRU(2, 2), True),
        (nn.Linear(2, 2), False),
        (nn.Sequential(nn.LSTM(2, 2)), False),
        (nn.ConvTranspose1d(2, 2, 1), False),
        (nn.TransformerEncoderLayer(2, 1, 2), False),
        (nn.MultiheadAttention(2, 1), False),
        (nn.Module(), False),
    ],
)
def test_what_has_a_state(module: nn.Module, expected: bool) -> None:
    assert stateful(module) is expected


def test_hashes_tell_values_shapes_and_dtypes_apart() -> None:
    tensors = {
        "a": torch.zeros(4),
        "b": torch.zeros(2, 2),
        "c": torch.zeros(4, dtype=torch.int32),
        "d": torch.tensor([0, 0, 0, -0.0]),
        "e": torch.zeros(()),
        "f": torch.zeros(0),
        "g": torch.zeros(4, dtype=torch.bfloat16),
        "h": torch.zeros(4, dtype=torch.bool),
    }
    found = hashes(tensors.items())
    assert len(set(found.values())) == len(tensors)
    assert found == hashes((name, copy.deepcopy(tensor)) for name, tensor in tensors.items())
    turned = torch.arange(6.0).reshape(2, 3)
    assert hashes([("x", turned.t())]) == hashes([("x", turned.t().contiguous())])


def test_batches_are_drawn_in_turn_and_converted() -> None:
    model = of_numbers(nn.Linear(6, 4))
    drawn = batches(model, size=3, seed=5, dtype="float64")
    generator = torch.Generator().manual_seed(5)
    for batch in drawn:
        input_, target = model.batch(3, generator)
        assert torch.equal(batch.input, input_.double())
        assert torch.equal(batch.target, target)
    assert len(drawn) == 4
    again = batches(model, size=3, seed=5, dtype="float64")
    assert digest(again) == digest(drawn)
    assert digest(again[:3]) != digest(drawn)
    assert digest(batches(model, size=3, seed=6, dtype="float64")) != digest(drawn)
    assert digest(batches(model, size=3, seed=5, dtype="float32")) != digest(drawn)


def test_the_time_length() -> None:
    model = of_words(time_dimension=0, batch_dimension=1, batch=words_in_time)
    [batch] = batches(model, size=3, seed=5, dtype="float32", count=1)
    assert time_length(model, batch) == 12
    assert time_length(of_words(), batch) is None


counts = iter(range(100))


@pytest.mark.parametrize(
    ("returned", "fields", "words"),
    [
        (lambda n: None, {}, ["batch(3, generator)", "None", "(input, target)"]),
        (lambda n: [torch.ones(n)] * 2, {}, ["a list", "(input, target)"]),
        (lambda n: (torch.ones(n),) * 3, {}, ["(input, target)"]),
        (lambda n: (torch.ones(n), 3), {}, ["the batch's target is an int"]),
        (lambda n: ([torch.ones(n)], torch.ones(n)), {}, ["the batch's input is a list"]),
        (lambda n: ((torch.ones(n), None), torch.ones(n)), {}, ["input is a tuple with None at 1"]),
        (lambda n: ((), torch.ones(n)), {}, ["the batch's input is an empty tuple"]),
        (lambda n: (torch.ones(n), torch.ones(n).to_sparse()), {}, ["target", "sparse", "cannot be sent"]),
        (lambda n: (torch.ones(n), torch.ones(n, dtype=torch.uint16)), {}, ["target", "uint16"]),
        (lambda n: (torch.ones(n), torch.ones(n + 1)), {}, ["target has the shape [4]; 3 is needed in dimension 0"]),
        (lambda n: (torch.ones(n), torch.ones(())), {}, ["target has the shape []"]),
        (lambda n: (torch.ones(n, 2), (torch.ones(n, 2), torch.ones(2, n))), {}, ["target[1] has the shape [2, 3]"]),
        (lambda n: (torch.ones(n, 2), torch.ones(n)), {"time_dimension": 1}, ["target", "without dimension 1 (time)"]),
        (lambda n: (torch.ones(n, 2), torch.ones(n, 4)), {"time_dimension": 1}, ["target has the shape [3, 4]"]),
        (lambda n: (torch.ones(n, 0), torch.ones(n, 0)), {"time_dimension": 1}, ["at least 1 are needed"]),
        (lambda n: (torch.ones(n, next(counts) + 1), torch.ones(n)), {}, ["batch number 1", "must have the same"]),
        (lambda n: 1 / 0, {}, ["batch(3, generator): ZeroDivisionError", "(test_layers.py, line "]),
    ],
)  # fmt: skip
def test_a_batch_that_is_wrong(returned, fields, words: list[str]) -> None:
    model = Model([nn.Linear(2, 2)], max, lambda size, generator: returned(size), **fields)
    text = refused(batches, model, size=3, seed=1, dtype="float32")
    for word in words:
        assert word in text


@pytest.mark.parametrize("counted", [3, 3.0, torch.tensor(3), torch.tensor([3.0])])
def test_items_are_counted(counted) -> None:
    model = of_numbers(nn.ReLU(), items=lambda target: counted)
    assert items(model, torch.ones(5), 5) == 3.0
    assert items(of_numbers(nn.ReLU()), torch.ones(5), 5) == 5.0


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda target: 0, "returns 0;"),
        (lambda target: -1, "returns -1;"),
        (lambda target: float("nan"), "returns nan;"),
        (lambda target: float("inf"), "returns inf;"),
        (lambda target: None, "returns None;"),
        (lambda target: "many", "returns a str;"),
        (lambda target: target, "returns a Tensor;"),
        (lambda target: 1 / 0, "items(target): ZeroDivisionError"),
    ],
)
def test_items_that_are_none(function, words: str) -> None:
    assert words in refused(items, of_numbers(nn.ReLU(), items=function), torch.ones(5), 5)


@pytest.mark.parametrize(("batch_dimension", "time_dimension"), [(0, 1), (1, 0), (2, 1)])
@pytest.mark.parametrize(("microbatches", "chunks"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_slices_put_together_are_the_whole(
    batch_dimension: int, time_dimension: int, microbatches: int, chunks: int
) -> None:
    whole = torch.arange(6**3).reshape(6, 6, 6)
    slices = cut(
        (whole, whole * 2),
        batch_dimension=batch_dimension,
        time_dimension=time_dimension,
        microbatches=microbatches,
        chunks=chunks,
    )
    assert [len(row) for row in slices] == [chunks] * microbatches
    assert all(tensor.is_contiguous() for row in slices for value in row for tensor in value)
    for place in range(2):
        rows = [torch.cat([value[place] for value in row], time_dimension) for row in slices]
        assert torch.equal(torch.cat(rows, batch_dimension), whole * (place + 1))


def test_one_tensor_is_cut_to_tensors() -> None:
    [[first], [second]] = cut(
        torch.arange(4), batch_dimension=0, time_dimension=None, microbatches=2, chunks=1
    )
    assert first.tolist() == [0, 1]
    assert second.tolist() == [2, 3]


def test_a_batch_is_two_values() -> None:
    assert Batch._fields == ("input", "target")
    assert Block(abs)(torch.tensor(-1.0)) == 1


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_copy_that_cannot_be_trained() -> None:
    text = refused(made(torch.jit.script(nn.Linear(6, 4))).make, 0)
    assert "layer 0 (RecursiveScriptModule)" in text
    assert "a function that makes the layer" in text


def test_channels_stay_last() -> None:
    whole = torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last)
    for [piece] in cut(whole, batch_dimension=0, time_dimension=None, microbatches=2, chunks=1):
        assert piece.is_contiguous(memory_format=torch.channels_last)


def no_memory():
    return torch.empty(2**60)


def no_memory_in_python():
    raise MemoryError


@pytest.mark.parametrize("function", [no_memory, no_memory_in_python])
def test_too_little_memory_is_no_fault_of_the_model(function) -> None:
    with pytest.raises(
        EnvironmentRefusedError, match=r"^too little memory: layer 0.*; use a smaller batch or model$"
    ):
        made(function).make(0)
