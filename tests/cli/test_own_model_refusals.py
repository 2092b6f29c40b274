"""What cannot be pipelined exactly, or is no model: one line and exit 2 before anything is timed (6 for what only shows
in a real step). Every refusal through the installed command; two at a time, since each starts a process with torch."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.conftest import Ended, Pipebench

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
import pipebench

def loss(output, target): return ((output - target) ** 2).sum()
def batch(size, generator):
    return torch.randn(size, 8, generator=generator), torch.randn(size, 8, generator=generator)
def linear(): return nn.Linear(8, 8)
def make(*layers, loss=loss, batch=batch, **more):
    return pipebench.Model([linear, *layers, linear], loss, batch, batch_size=16, **more)
class Layer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.inner, self.function = nn.Linear(8, 8), function
    def forward(self, x): return self.function(self.inner(x))
"""

# Name: what the file says of m, what the line must say (in order), the exit code, options.
CASES: dict[str, tuple[str, tuple[str, ...], int, tuple[str, ...]]] = {
    "dropout": ("m = make(nn.Dropout(0.5))", ("layer 1 (Dropout)", "random"), 2, ()),
    "functional_dropout": (
        "m = make(lambda: Layer(lambda x: F.dropout(x, 0.1)))",
        ("layer 1 (Layer)", "random"),
        2,
        (),
    ),
    "batch_norm": ("m = make(nn.BatchNorm1d(8))", ("layer 1 (BatchNorm1d)", "sample"), 2, ()),
    "mixing": (
        "m = make(lambda: Layer(lambda x: x - x.mean(0)))",
        ("layer 1 (Layer)", "mixes the samples"),
        2,
        (),
    ),
    "averaging": ("m = make(loss=F.mse_loss)", ("loss", "reduction='sum'"), 2, ()),
    "contrastive": (
        "m = make(loss=lambda o, t: F.cross_entropy(o @ t.T, torch.arange(len(o)), reduction='sum'))",
        ("loss", "mix"),
        2,
        (),
    ),
    "in_place": ("m = make(nn.ReLU(inplace=True))", ("layer 1 (ReLU)", "changes its input"), 2, ()),
    "in_place_data": (
        "class Sly(nn.Module):\n    def forward(self, x):\n        x.data.add_(1)\n        return x * 2\n"
        "m = make(Sly)",
        ("layer 1 (Sly)", "changes its input"),
        2,
        (),
    ),
    "shared_module": ("w = nn.Linear(8, 8)\nm = make(w, nn.Tanh(), w)", ("layers 1 and 3", "share"), 2, ()),
    "shared_tensor": (
        "a, b = nn.Linear(8, 8), nn.Linear(8, 8)\nb.weight = a.weight\nm = make(a, b)",
        ("layers 1 and 2", "share"),
        2,
        (),
    ),
    "counter": (
        "class Counter(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.register_buffer('count', torch.zeros(()))\n"
        "    def forward(self, x):\n        self.count += 1\n        return x * 1.5\nm = make(Counter)",
        ("layer 1 (Counter)", "count"),
        2,
        (),
    ),
    "dictionary": (
        "m = make(lambda: Layer(lambda x: {'x': x}))",
        ("layer 1 (Layer)", "a tensor or a tuple of tensors"),
        2,
        (),
    ),
    "ragged": (
        "m = make(lambda: Layer(lambda x: x[x[:, 0] > 0]))",
        ("layer 1 (Layer)",),
        2,
        (),
    ),
    "own_draws": (
        "import random\ndef wild(n, g): return torch.full((n, 8), random.random()), torch.randn(n, 8, generator=g)\n"
        "m = make(batch=wild)",
        ("batch", "generator"),
        2,
        (),
    ),
    "other_each_time": (
        "import itertools\nc = itertools.count()\ndef odd():\n    l = linear()\n"
        "    nn.init.constant_(l.bias, next(c))\n    return l\nm = make(odd)",
        ("layer 1 (Linear)",),
        2,
        (),
    ),
    "state_without_time": ("m = make(lambda: nn.GRU(8, 8))", ("layer 1 (GRU)", "time_dimension"), 2, ()),
    "only_float32": (
        "class Only(nn.Module):\n    def forward(self, x):\n        return (x @ torch.eye(8)) * 1.5\nm = make(Only)",
        ("layer 1 (Only)",),
        2,
        ("--dtype", "float64"),
    ),
    "raises_in_forward": (
        "m = make(lambda: nn.Linear(9, 8))",
        ("layer 1 (Linear)", "RuntimeError", "it was given ["),
        2,
        (),
    ),
    "raises": (
        "raise RuntimeError('no such checkpoint')",
        ("RuntimeError: no such checkpoint (raises.py, line 18)",),
        2,
        (),
    ),
    "exits": ("import os\nos._exit(0)", ("--model exits.py:m", "ended while loading the model"), 2, ()),
    "killed": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
        ("--model killed.py:m", "SIGSEGV"),
        2,
        (),
    ),
    "process_id": (
        "import os\ndef odd(n, g):\n    g.manual_seed(os.getpid())\n    return batch(n, g)\nm = make(batch=odd)",
        ("batch gives other values in another process",),
        2,
        (),
    ),
    "syntax": ("m = make(", ("SyntaxError", "line"), 2, ()),
    "other_name": ("build = make()", ("no m in other_name.py", "build"), 2, ()),
    "no_model": ("m = 7", ("m ", "pipebench.Model"), 2, ()),
    "arguments": ("def m(width): return make()", ("argument",), 2, ()),
    "few_layers": ("m = make()", ("4 devices for 2 layers: expected at most 2",), 2, ("--gpus", "4")),
    "no_time": (
        "m = make()",
        ("--schedule wavefront cuts along time", "time_dimension"),
        2,
        ("--schedule", "wavefront"),
    ),
    "no_chunks": ("m = make()", ("--chunks 2 cuts along time",), 2, ("--chunks", "2")),
    "indivisible": (
        "m = make()",
        ("--microbatches 5 does not divide the batch of 16",),
        2,
        ("--microbatches", "5"),
    ),
    "sizes": ("m = make()", ("--hidden: --model", "does not take it"), 2, ("--hidden", "8")),
    "preset": ("m = make()", ("unknown --preset 'tiny'", "has none"), 2, ("--preset", "tiny")),
    "memory": ("m = make()", ("--memory 'much': expected a size such as 24GiB",), 2, ("--memory", "much")),
    "does_not_fit": ("m = make()", ("would not fit: device 0 (0 Linear)",), 7, ("--memory", "100B")),
    "nan": ("m = make(loss=lambda o, t: (o * float('nan')).sum())", ("nan",), 6, ()),
    "wrong_gradient": (
        "class Wrong(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x): return x * 1\n"
        "    @staticmethod\n    def backward(ctx, g): return g - g.mean(0)\n"
        "m = make(lambda: Layer(Wrong.apply))",
        ("differs from the baseline",),
        6,
        (),
    ),
}


@pytest.fixture(scope="module")
def ended(pipebench: Pipebench, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ended]:
    folder = tmp_path_factory.mktemp("refused")

    def run(name: str) -> Ended:
        (folder / f"{name}.py").write_text(f"{HEAD}{CASES[name][0]}\n")
        options = (
            "--gpus",
            "2",
            "--launches",
            "1",
            "--steps",
            "1",
            "--warmup",
            "0",
            "-o",
            str(folder / "runs"),
        )
        return pipebench("run", "--model", f"{name}.py:m", *options, *CASES[name][3], cwd=folder)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(CASES, pool.map(run, CASES), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_one_line(ended: Mapping[str, Ended], name: str) -> None:
    _, said, code, _ = CASES[name]
    found = ended[name]
    errors = [line for line in found.err.splitlines() if "pipebench: error: " in line]
    assert (found.code, len(errors), found.out) == (code, 1, ""), found.err
    assert "Traceback" not in found.err
    position = 0
    for part in said:
        assert part in errors[0][position:], errors[0]
        position = errors[0].index(part, position)


def test_nothing_is_left_of_what_never_began(
    ended: Mapping[str, Ended], tmp_path_factory: pytest.TempPathFactory
) -> None:
    runs = next(tmp_path_factory.getbasetemp().glob("refused*/runs"))
    assert len([*runs.glob("*.json")]) == sum(code == 6 for _, _, code, _ in CASES.values())


def test_without_gpus_there_is_a_device_for_each_layer(pipebench: Pipebench, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"{HEAD}m = make(linear)\n")
    ended = pipebench("run", "--model", "mine.py:m", "--dry-run", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "layers 1,1,1" in ended.out


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nowhere.py:m", "there is no file nowhere.py"),
        ("no.such.package:m", "no"),
        (
            "mine.py",
            "unknown --model 'mine.py': expected stacked-lstm, transformer, seq2seq, or FILE.py:NAME",
        ),
        (":m", "--model"),
        ("mine.py:", "--model"),
    ],
)
def test_a_model_that_is_not_there_is_refused(
    pipebench: Pipebench, tmp_path: Path, model: str, said: str
) -> None:
    ended = pipebench("run", "--model", model, "--gpus", "2", cwd=tmp_path)
    assert ended.code == 2, ended.err
    assert "Traceback" not in ended.err
    assert said in ended.err
