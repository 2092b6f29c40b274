import hashlib
import sys
from pathlib import Path

import msgspec
import pytest

from pipebench.errors import UsageError
from pipebench.models.edges import Edge, TensorSpec
from pipebench.models.own.batches import batches, digest
from pipebench.models.own.describing import describe
from pipebench.models.own.description import Description
from pipebench.models.own.loading import load

TEXT = """
import torch
from torch import nn
from pipebench import Model
from tests.models.own.samples import Block, Force, Only32, numbers, of_numbers, of_words, summed, words

mlp = of_numbers(nn.Linear(6, 8), nn.ReLU(), lambda: nn.Linear(8, 4))
named = of_numbers(nn.Linear(6, 4), name="tiny", unit="rows", items=lambda target: 2 * len(target), batch_size=10)
adam = of_numbers(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4), optimizer=lambda p: torch.optim.Adam(p, lr=0.1))
momentum = of_numbers(nn.Linear(6, 4), optimizer=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9))
lbfgs = of_numbers(nn.Linear(6, 4), optimizer=lambda p: torch.optim.LBFGS(p))
no_optimizer = of_numbers(nn.Linear(6, 4), optimizer=lambda p: 3)
norm = of_numbers(nn.LayerNorm(6), nn.Linear(6, 4))
lstm = of_words(lambda: nn.LSTM(6, 6, batch_first=True), time_dimension=1)
dropout = of_numbers(nn.Linear(6, 4), nn.Dropout())
constant = of_numbers(nn.Linear(6, 4), batch=lambda size, g: numbers(size, torch.Generator().manual_seed(0)))
packed = of_numbers(Block(lambda x: (x, x > 0, torch.ones(3, dtype=torch.float64).to(x.dtype))),
                    Block(lambda all_: all_[0] * all_[1], parameters=False), nn.Linear(6, 4))
frozen = of_numbers(nn.Linear(6, 6).requires_grad_(False), nn.Linear(6, 4))
force = of_numbers(nn.Linear(6, 6), Force(), nn.Linear(6, 4))
scripted = of_numbers(nn.Linear(6, 6), lambda: torch.jit.script(nn.Linear(6, 6)), nn.Linear(6, 4))
all_frozen = of_numbers(nn.Linear(6, 4).requires_grad_(False))
cut_off = of_numbers(nn.Linear(6, 6), Block(torch.detach), nn.Linear(6, 4))
bad_items = of_numbers(nn.Linear(6, 4), items=lambda target: 0)
bad_batch = of_numbers(nn.Linear(6, 4), batch=lambda size, g: numbers(size + 1, g))
tied = [nn.Parameter(torch.ones(6))]
secret = of_numbers(nn.Linear(6, 6), Block(lambda x: x * tied[0]), nn.Linear(6, 4))
backward = of_numbers(nn.Linear(6, 6), Block(lambda x: x.exp().exp_().add_(1)), nn.Linear(6, 4))
captured = torch.ones(6).requires_grad_()
tensor = of_numbers(nn.Linear(6, 6), Block(lambda x: x * captured), nn.Linear(6, 4))
inner_leaf = of_numbers(Block(lambda x: x.detach().requires_grad_() * 2), nn.Linear(6, 4))
only32 = of_numbers(nn.Linear(6, 6), lambda: Only32(), nn.Linear(6, 4))

class Buffered(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.arange(6.0))
        self.inner = nn.Linear(6, 4)
        self.inner.bias.requires_grad_(False)

    def forward(self, x):
        return self.inner(x * self.table)

buffered = of_numbers(Buffered())
torch.set_grad_enabled(__name__ != "no_grad")
"""


@pytest.fixture(autouse=True)
def _imports_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, modules = list(sys.path), set(sys.modules)
    monkeypatch.chdir(tmp_path)
    Path("blocks.py").write_text(TEXT, encoding="utf-8")
    yield
    sys.path[:] = path
    for name in {"blocks", "no_grad"} & set(sys.modules) - modules:
        del sys.modules[name]


def four(size: int, time_length: int | None) -> tuple[int, int]:
    return 4, 3 if time_length else 1


def described(name: str, *, batch: int | None = 8, dtype: str = "float32", slices=four) -> Description:
    return describe(f"blocks.py:{name}", batch=batch, dtype=dtype, seed=1, slices=slices)


def refused(name: str, **options) -> str:
    with pytest.raises(UsageError) as raised:
        described(name, **options)
    assert str(raised.value).isprintable()
    return str(raised.value)


def one(*shape: int, gradient: bool = True, dtype: str = "float32") -> Edge:
    return Edge((TensorSpec(shape, dtype, gradient),))


def test_a_description() -> None:
    asked = []

    def slices(size: int, time_length: int | None) -> tuple[int, int]:
        asked.append((size, time_length))
        return 4, 1

    found = described("mlp", batch=None, slices=slices)
    assert asked == [(64, None)]
    assert (found.reference, found.name, found.unit) == ("blocks.py:mlp", "blocks:mlp", "samples")
    assert found.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert (found.batch, found.time_length, found.microbatches, found.chunks) == (64, None, 4, 1)
    assert found.items == (64.0,) * 4
    assert found.input == one(16, 6, gradient=False)
    assert (found.optimizer, found.notices) == ("", ())  # plain SGD
    drawn = batches(load("blocks.py:mlp", seed=1), size=64, seed=1, dtype="float32")
    assert found.input_sha256 == digest(drawn)
    linear, relu, last = found.layers
    assert [layer.name for layer in found.layers] == ["Linear", "ReLU", "Linear"]
    assert (linear.parameters, linear.parameters_bytes, linear.gradients_bytes) == (56, 224, 224)
    assert (relu.parameters, relu.parameters_bytes, relu.gradients_bytes) == (0, 0, 0)
    assert [layer.output for layer in found.layers] == [one(16, 8), one(16, 8), one(16, 4)]
    assert [layer.saved_bytes for layer in found.layers] == [0, 16 * 8 * 4, 0]
    assert [layer.optimizer_bytes for layer in found.layers] == [0, 0, 0]
    assert not any(layer.stateful for layer in found.layers)
    assert last.parameters == 36


def test_float64_doubles_the_bytes() -> None:
    narrow, wide = described("mlp"), described("mlp", dtype="float64")
    for one_, other in zip(narrow.layers, wide.layers, strict=True):
        assert other.parameters == one_.parameters
        assert other.parameters_bytes == 2 * one_.parameters_bytes
        assert other.saved_bytes == 2 * one_.saved_bytes
        assert other.output.tensors[0].dtype == "float64"


def test_the_models_own_fields() -> None:
    found = described("named", batch=None, slices=lambda size, length: (5, 1))
    assert (found.name, found.unit, found.batch, found.items) == ("tiny", "rows", 10, (20.0,) * 4)


def test_what_an_optimizer_keeps() -> None:
    found = described("adam")
    assert found.optimizer == "Adam"
    assert [layer.optimizer_bytes for layer in found.layers] == [2 * 56 * 4 + 2 * 4, 0, 2 * 36 * 4 + 2 * 4]
    found = described("momentum")
    assert (found.optimizer, found.layers[0].optimizer_bytes) == ("SGD", 28 * 4)


def test_what_is_saved() -> None:
    """A layer norm keeps mean and reciprocal deviation; its input is not counted."""
    assert described("norm").layers[0].saved_bytes == 2 * 2 * 4


def test_buffers_and_frozen_parameters() -> None:
    [layer] = described("buffered").layers
    assert layer.parameters == 28
    assert layer.parameters_bytes == (28 + 6) * 4
    assert layer.gradients_bytes == 24 * 4
    assert layer.saved_bytes == 2 * 6 * 4  # what the inner layer is given


def test_an_lstm_in_time() -> None:
    found = described("lstm")
    assert (found.time_length, found.microbatches, found.chunks) == (12, 4, 3)
    assert found.input == one(2, 4, gradient=False, dtype="int64")
    assert [layer.stateful for layer in found.layers] == [False, True, False]
    assert [layer.output for layer in found.layers] == [one(2, 4, 6), one(2, 4, 6), one(2, 4, 20)]


def test_a_tuple_with_what_carries_no_gradient() -> None:
    first, second, _ = described("packed").layers
    specs = (
        TensorSpec((2, 6), "float32", False),
        TensorSpec((2, 6), "bool", False),
        TensorSpec((3,), "float32", False),
    )
    assert first.output == Edge(specs, packed=True)
    assert second.output == one(2, 6, gradient=False)


def test_frozen_layers_come_first() -> None:
    found = described("frozen")
    assert found.layers[0].output == one(2, 6, gradient=False)
    assert found.layers[0].gradients_bytes == 0
    assert found.notices == ()


def test_a_leaf_of_its_own_is_no_parameter() -> None:
    assert described("inner_leaf").layers[0].output == one(2, 6)


@pytest.mark.parametrize("name", ["force", "scripted"])
@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_unusual_layers(name: str) -> None:
    assert described(name).layers[1].output == one(2, 6)


def test_notices() -> None:
    [constant] = described("constant").notices
    assert "the same batch each time" in constant
    [cut_off] = described("cut_off").notices
    assert "layer 1 (Block) carries no gradient" in cut_off


def test_float32_only() -> None:
    assert len(described("only32").layers) == 3
    text = refused("only32", dtype="float64")
    assert text.startswith("--model blocks.py:only32: layer 1 (Only32): RuntimeError")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dropout", "--model blocks.py:dropout: layer 1 (Dropout) draws random numbers"),
        ("nothing", "--model blocks.py:nothing: no nothing in blocks.py"),
        ("all_frozen", "no layer has a parameter that is trained"),
        ("tensor", "layer 1 (Block) computes with a tensor that requires a gradient, outlives"),
        ("lbfgs", "the optimizer's step on layer 0 (Linear): TypeError"),
        ("no_optimizer", "optimizer(parameters) returns an int"),
        ("bad_items", "--model blocks.py:bad_items: items(target) returns 0"),
        ("bad_batch", "--model blocks.py:bad_batch: the batch's input has the shape [9, 6]; 8 is needed"),
        (
            "backward",
            "layer 1 (Block), in the backward: RuntimeError: one of the variables needed for gradient",
        ),
        ("secret", "layer 1 (Block) computes with a parameter of the shape [6] that is none of its own"),
    ],
)
def test_what_is_refused(name: str, said: str) -> None:
    assert said in refused(name)


def test_slices_that_do_not_fit() -> None:
    def refusing(size: int, time_length: int | None) -> tuple[int, int]:
        raise UsageError("--microbatches 3 does not divide 8")

    assert refused("mlp", slices=refusing) == "--microbatches 3 does not divide 8"
    assert "a batch of 8 cannot be cut into 3" in refused("mlp", slices=lambda size, length: (3, 1))
    assert "no time_dimension" in refused("mlp", slices=lambda size, length: (4, 2))
    assert "12 time steps cannot be cut into 5" in refused("lstm", slices=lambda size, length: (4, 5))


def test_what_is_done_is_told() -> None:
    told: list[str] = []
    describe("blocks.py:mlp", batch=8, dtype="float32", seed=1, slices=four, tell=told.append)
    assert told[0] == "loading the model"
    assert "probing layer 2" in told
    assert told[-1] == "measuring layer 2"


def test_a_file_that_turns_gradients_off() -> None:
    import torch

    Path("no_grad.py").write_text(TEXT, encoding="utf-8")
    try:
        found = describe("no_grad.py:mlp", batch=8, dtype="float32", seed=1, slices=four)
    finally:
        torch.set_grad_enabled(True)
    assert found.layers[-1].output == one(2, 4)


def test_the_same_again() -> None:
    assert untimed(described("lstm")) == untimed(described("lstm"))


def untimed(found: Description) -> Description:
    layers = tuple(msgspec.structs.replace(layer, slice_s=0.0) for layer in found.layers)
    return msgspec.structs.replace(found, layers=layers, draw_s=0.0)


def test_rows_that_depend_on_the_values_show_in_the_whole_batch(tmp_path: Path) -> None:
    (tmp_path / "rows.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "from pipebench import Model\n"
        "class Picks(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x[x[:, 0] < 8]\n"
        "def batch(size, generator):\n"
        "    return torch.arange(1.0, size + 1)[:, None].expand(size, 6).clone(), torch.ones(size, 6)\n"
        "m = Model([Picks, lambda: nn.Linear(6, 6)], lambda o, t: o.sum(), batch, batch_size=16)\n"
    )
    with pytest.raises(UsageError, match=r"layer 0 \(Picks\)"):
        describe(
            f"{tmp_path}/rows.py:m", batch=None, dtype="float32", seed=1, slices=lambda size, length: (8, 1)
        )


def test_a_slice_is_timed_and_the_whole_batch_has_edges_of_its_own() -> None:
    linear, *_, last = described("mlp").layers
    assert linear.slice_s > 0
    assert linear.output == one(2, 8)
    assert linear.whole_output == one(8, 8)
    assert last.whole_output == one(8, 4)
    assert (
        describe("blocks.py:mlp", batch=8, dtype="float32", seed=1, slices=lambda size, length: (1, 1))
        .layers[0]
        .whole_output
        is None
    )
