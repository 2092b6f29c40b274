"""What a run says of its verification, and that one wrong gradient ends it, through the installed command."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, CompletedRun, Pipebench

SHORT = (*TINY, "--launches", "1", "--steps", "1", "--warmup", "0")


def test_gradients_that_vanish_below_float32_are_told_and_end_no_run(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    sizes = ("--preset", "tiny", "--layers", "64", "--gpus", "64", "--launches", "1", "--steps", "1")
    ended = pipebench("run", *sizes, "--device", "emulated", "--json", "-o", str(tmp_path))
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    verification = record["verification"]
    assert verification["max_relative_gradient_error"] <= verification["tolerance"] == 1e-5
    assert verification["tensors"] == 4 * 64 + 3
    assert {"embedding.weight", "lstm.0.weight_ih_l0"} <= set(verification["vanishing"])
    assert not {"projection.weight", "lstm.63.weight_ih_l0"} & set(verification["vanishing"])
    (warning,) = (each for each in record["warnings"] if each["code"] == "vanishing-gradients")
    vanishing = f"the gradients of {len(verification['vanishing'])} of 259 tensors vanish"
    assert warning["cause"].startswith(f"{vanishing} (embedding + LSTM 0-")
    path = str(next(tmp_path.glob("*.json")))
    brief, shown = (" ".join(pipebench("show", path, *options).out.split()) for options in ((), ("--all",)))
    assert vanishing in shown
    assert f"{len(verification['vanishing'])} of 259 vanish: a wrong one would not show" in shown
    assert f"; {len(verification['vanishing'])} of 259 vanish" in brief
    assert f"warning vanishing-gradients: {vanishing}" in brief


def test_gradients_of_a_usual_depth_do_not_vanish(completed: CompletedRun) -> None:
    verification = completed.record["verification"]
    assert (verification["tensors"], verification["vanishing"]) == (4 * 8 + 3, [])
    assert not [each for each in completed.record["warnings"] if each["code"] == "vanishing-gradients"]


@pytest.mark.parametrize(
    ("device", "tensor"),
    [("emulated", "embedding.weight"), ("emulated", "lstm.7.bias_hh_l0"), ("cpu", "lstm.1.weight_hh_l0")],
)
def test_a_lost_gradient_ends_the_run_and_is_named(
    pipebench: Pipebench, tmp_path: Path, device: str, tensor: str
) -> None:
    arguments = ("run", "--gpus", "2", "--device", device, *SHORT, "-o", str(tmp_path))
    ended = pipebench(*arguments, PIPEBENCH_INJECT=f"wrong@{tensor}")
    assert ended.code == 6
    assert f"verification: {tensor} of the pipeline differs from the baseline by" in ended.err
    (path,) = tmp_path.glob("*.json")
    record = json.loads(path.read_text())
    assert (record["status"], record["launches"], record["verification"]) == ("failed", [], None)


def test_a_lost_gradient_that_vanishes_anyway_is_told_in_the_record(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    """The first step's state is 0, and sequences of one word have no other: recurrent weights learn nothing."""
    arguments = ("run", "--gpus", "2", "--layers", "2", "--sequence-length", "1", *SHORT, "--json")
    ended = pipebench(*arguments, "-o", str(tmp_path), PIPEBENCH_INJECT="wrong@lstm.0.weight_hh_l0")
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert record["verification"]["vanishing"] == ["lstm.0.weight_hh_l0", "lstm.1.weight_hh_l0"]
    codes = [each["code"] for each in record["warnings"]]
    assert "wrong-on-purpose" in codes
    assert "vanishing-gradients" not in codes  # fewer layers would change nothing


@pytest.mark.parametrize(
    "sizes",
    [
        ("--sequence-length", "1", "--batch", "1", "--dtype", "float64"),
        ("--device", "cpu", "--hidden", "1", "--vocab", "4", "--batch", "1", "--seed", "7"),
        ("--layers", "2", "--sequence-length", "2000"),  # rounding grows with what is added up
    ],
)
def test_odd_sizes_are_verified_too(pipebench: Pipebench, tmp_path: Path, sizes: tuple[str, ...]) -> None:
    ended = pipebench("run", "--gpus", "2", *SHORT, *sizes, "--json", "-o", str(tmp_path))
    assert ended.code == 0, ended.err
    verification = json.loads(ended.out)["verification"]
    assert verification["max_relative_gradient_error"] <= verification["tolerance"]
