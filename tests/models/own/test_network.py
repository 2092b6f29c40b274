"""The user's model in a process: what it was described as, or nothing."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.errors import UsageError
from pipebench.models.fingerprints import hashes
from pipebench.models.outline import Slice
from pipebench.models.own.describing import describe
from pipebench.models.own.network import OwnNetwork
from pipebench.models.own.outline import OwnOutline

TEXT = """
import torch
from torch import nn
from pipebench import Model

torch.set_num_threads(7)
torch.set_default_dtype(torch.float64)

def batch(size, generator):
    return torch.randn(size, 4, generator=generator), torch.randn(size, 4, generator=generator)

norm = nn.BatchNorm1d(4).eval()
m = Model(
    [lambda: nn.Linear(4, 4), norm, nn.Linear(4, 4)],
    lambda output, target: ((output - target) ** 2).sum(),
    batch,
    batch_size=8,
    items=lambda target: 2 * len(target),
)
"""


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    path = tmp_path / "mine.py"
    path.write_text(TEXT)
    options = RunOptions(gpus=1, model=f"{path}:m", microbatches=2)
    described = describe(
        options.model, batch=None, dtype="float32", seed=0, slices=lambda batch, time: (2, 1)
    )
    return resolve(options, described)


def made(config: RunConfig, **changes: Any) -> OwnNetwork:
    assert config.described is not None
    described = msgspec.structs.replace(config.described, **changes)
    return OwnNetwork(OwnOutline(described), config)


def test_parts_have_the_parameters_of_the_whole(config: RunConfig) -> None:
    network = made(config)
    whole = hashes(network.form("chain").kept())
    parts = [network.part(Slice(0, 1, opens=True, closes=False)), network.part(Slice(1, 3, False, True))]
    assert hashes(pair for part in parts for pair in part.kept()) == whole
    assert {name.partition(".")[0] for name in whole} == {"0", "1", "2"}
    assert "1.running_mean" in whole


def test_what_the_file_sets_does_not_last(config: RunConfig) -> None:
    threads = torch.get_num_threads()
    part = made(config).form("chain")
    assert torch.get_num_threads() == threads != 7
    assert torch.get_default_dtype() == torch.float32
    assert {parameter.dtype for parameter in part.parameters()} == {torch.float32}


def test_modules_stay_in_the_mode_that_they_were_left_in(config: RunConfig) -> None:
    network = made(config)
    batch = network.batch(0)
    before = hashes(network.form("chain").kept())
    part = network.form("chain")
    part.run(batch.inputs[0][0], None)
    assert hashes(part.kept()) == before  # running statistics are fixed


def test_batches_are_cut_and_counted(config: RunConfig) -> None:
    network = made(config)
    cut, whole = network.batch(1, microbatches=2), network.batch(1)
    assert cut.items == whole.items == 16
    assert torch.equal(torch.cat([row[0] for row in cut.inputs]), whole.inputs[0][0])
    assert not torch.equal(network.batch(0).inputs[0][0], whole.inputs[0][0])


def test_a_file_that_was_changed_meanwhile_is_noticed(config: RunConfig) -> None:
    Path(config.model.rpartition(":")[0]).write_text(TEXT + "\n")
    with pytest.raises(UsageError, match="the file was changed since the run looked at it"):
        made(config)


def test_batches_that_are_others_in_this_process_are_noticed(config: RunConfig) -> None:
    with pytest.raises(UsageError, match="batch gives other values in another process"):
        made(config, input_sha256="0" * 64).batch(0)
