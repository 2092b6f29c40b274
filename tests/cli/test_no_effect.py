"""Options that do nothing beside others are told of in one line on stderr; the exit code is what it was."""

import json
from pathlib import Path

import pytest

from pipebench.cli.no_effect import RULES
from tests.builders import simulation_record, steady_record
from tests.cli.conftest import Pipebench
from tests.cli.saved import save
from tests.cli.test_numbers import ended

DRY = ("run", "--dry-run", "--synthetic", "--preset", "tiny")
ZB = ("--gpus=2", "--schedule=wavefront-zb", "-M", "2", "--chunks=4")
# A model without any linear layer.
HALVES = """
import torch
from torch import nn

import pipebench


def batch(size, generator):
    return torch.randn(size, 4, generator=generator), torch.zeros(size, 4)


def loss(output, target):
    return ((output - target) ** 2).sum()


model = pipebench.Model([nn.LayerNorm(4), nn.ReLU()], loss, batch, batch_size=16)
"""
SIX = ("--layers=4", "--hidden=8", "--vocab=20", "--batch=4", "--sequence-length=4")


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "halves.py").write_text(HALVES)
    save(tmp_path / "results/runs", base=steady_record(), same=steady_record())
    save(tmp_path, a=steady_record(), b=steady_record(), simulation=simulation_record())  # type: ignore[arg-type]
    return tmp_path


TOLD = [
    ([*DRY, "-o", "x"], "--output: no effect, a dry run measures and stores nothing"),
    ([*DRY, "--machine", "local", "--remeasure"], "--remeasure: no effect, a dry run"),
    (
        [*DRY, "--device=cpu", "--emulation-order=device"],
        "--emulation-order: no effect, only emulated devices",
    ),
    (
        [*DRY, "--gpus=1", "--emulation-order=device"],
        "--emulation-order: no effect, one device has one order",
    ),
    (
        [*DRY, "--checkpoint=except-last", "-M", "1"],
        "--checkpoint: no effect, the only microbatch is the last one",
    ),
    ([*DRY, "--checkpoint=except-last", "--schedule=naive"], "--checkpoint: no effect, the only microbatch"),
    ([*DRY, "--gpus=1", "--partition=balanced"], "--partition: no effect, one device holds all layers"),
    (
        [*DRY, "--gpus=1", "--softmax-devices=all"],
        "--softmax-devices: a single device has nobody to share the softmax with",
    ),
    (
        [*DRY, "--cell=split", "--schedule=1f1b"],
        "--cell: no gain, schedule 1f1b runs each backward whole, and split cells mostly cost more",
    ),
    (
        [*DRY, *ZB, "--most-alive=8"],
        "--most-alive: no effect, a step has 8 slices",
    ),
    ([*DRY, *ZB, "--most-waiting=9"], "--most-waiting: no effect, a step has 8 slices"),
    (
        ["run", "--dry-run", "--model=halves.py:model", "--gpus=2", "--schedule=zb-h1"],
        "--schedule: nothing is split: the model has no plain linear layers",
    ),
    ([*DRY, "--gpus=2", *SIX], "--preset: no effect, each of its sizes is given by itself"),
    (
        ["simulate", "--schedule=1f1b", "--stages=4", "--backward-input=1", "--backward-weight=1"],
        "--backward-input, --backward-weight: schedule 1f1b runs the backward whole, so only their sum counts",
    ),
    (
        ["simulate", "--backward=2", "--backward-input=1", "--backward-weight=1"],
        "schedule gpipe runs the backward",
    ),
    (
        ["simulate", "--schedule=zb-h1", "--backward=2", "--backward-input=1", "--backward-weight=1"],
        "--backward: no effect, schedule zb-h1 runs the two halves by themselves, and both are given",
    ),
    (["simulate", "--stages=1", "--transfer=1"], "--transfer: no effect, a single stage sends nothing"),
    (
        ["simulate", "--stage-costs=2", "--link=x 2", "--message=4MiB"],
        "--link, --message: no effect, a single stage sends nothing",
    ),
    (
        ["simulate", "--stages=2", "--message=4MiB", "--link=x 2", "--transfer=1"],
        "--message: no effect, no link has a bandwidth",
    ),
    (
        ["simulate", "--stages=3", "--link=0-2 = 1 s", "--link=0-1 = 1 s"],
        "--link: no effect between devices 0 and 2, which send each other nothing",
    ),
    (
        ["simulate", "--csv", "--stage-costs=1,2", "--link=x 2"],
        "--link: no effect, a plan as CSV has no times",
    ),
    (
        ["simulate", "--csv", "--stages=2", "--stage-costs=1,2"],
        "--stage-costs: no effect, a plan as CSV has no times",
    ),
    (["simulate", "--stages=1", "--blocking"], "--blocking: no effect, a single stage sends nothing"),
    (
        ["simulate", "--csv", "--forward=2", "--blocking"],
        "--forward, --blocking: no effect, a plan as CSV has no times",
    ),
    (["simulate", "--csv", "--softmax=2"], "--softmax: no effect, a plan as CSV has no times"),
    (
        ["simulate", "--stages=1", "--softmax-devices=all"],
        "--softmax-devices: a single device has nobody to share the softmax with",
    ),
    (["show", "a.json", "-o", "results"], "--output: no effect, RECORD is named by its place"),
    (["show", "a.json", "--all", "--json"], "--all: no effect, this output is complete already"),
    (
        ["show", "simulation.json", "--all"],
        "--all: no effect, only the report of a run is brief without it",
    ),
    (["explain", "a.json", "-o", "results"], "--output: no effect, RECORD is named by its place"),
    (
        ["trace", "a.json", "--records", "results", "-o", "t.json"],
        "--records: no effect, RECORD is named by its place",
    ),
    (["compare", "a.json", "b.json", "-o", "x"], "--output: no effect, all records are named by their place"),
    (["check", "a.json", "--against", "b.json", "-o", "x"], "--output: no effect, both records are named by"),
    (
        ["check", "a.json", "--self-test", "--against", "b.json"],
        "CURRENT: no effect, the self-test tries itself on",
    ),
    (
        ["baseline", "save", "a.json", "--reason=x", "-o", "results"],
        "--output: no effect, RECORD is named by",
    ),
    (
        ["baseline", "promote", "a.json", "--reason=x", "-o", "results"],
        "--output: no effect, RECORD is named by",
    ),
]

NOT_TOLD = [
    [*DRY, "--gpus=2", "--emulation-order=device", "--checkpoint=except-last", "--partition=balanced"],
    [*DRY, "--gpus=1", "--quick", "--deadline=9", "--seed=3", *SIX[1:]],
    ["simulate", "--stages=2", "--transfer=1", "--forward=1", "--backward=2"],
    ["simulate", "--stages=1", "--csv"],
    ["simulate", "--schedule=zb-h1", "--backward-input=1", "--backward-weight=1"],
    ["simulate", "--csv", "--stage-costs=1,2"],
    ["simulate", "--stages=3", "--link=0-1 = 1 MB/s", "--message=1MB"],
    ["simulate", "--stages=3", "--softmax-devices=all", "--link=0-2 = 1 s"],
    ["simulate", "--stages=2", "--softmax-devices=all", "--softmax=1"],
    [*DRY, "--gpus=2", "--softmax-devices=all"],
    [*DRY, *ZB, "--most-alive=7", "--most-waiting=7", "--cell=split"],
    [*DRY, "--gpus=2", "--schedule=wavefront", "-M", "2", "--chunks=4", "--cell=split"],
    ["show", "base", "-o", "results/runs"],
    ["compare", "a.json", "base", "-o", "results/runs"],
    ["check", "a.json", "--against", "base", "-o", "results/runs"],
    ["show", "a.json"],
    ["show", "a.json", "--all"],
    ["explain", "a.json"],
]


@pytest.mark.parametrize(("arguments", "words"), TOLD)
def test_an_option_without_effect_is_told_in_one_line(arguments: list[str], words: str) -> None:
    code, _, err = ended(arguments)
    others = ("tried on", "looking at", "error", "wrote t.json")
    lines = [line for line in err.splitlines() if not any(other in line for other in others)]
    assert len(lines) == 1, err
    assert f"pipebench: {words}" in lines[0] or words in lines[0]
    assert code == (9 if "promote" in arguments else 0)


@pytest.mark.parametrize("arguments", NOT_TOLD)
def test_defaults_and_what_counts_are_not_told(arguments: list[str]) -> None:
    assert ended(arguments)[::2] == (0, "")


def test_costs_by_which_pieces_of_a_softmax_find_their_places_have_an_effect_on_a_plan_as_csv() -> None:
    shared = ["simulate", "--csv", "--softmax-devices=all", "--stages=3", "--microbatches=4"]
    plans = {ended([*shared, *costs])[1] for costs in ([], ["--forward=9"], ["--forward=9", "--softmax=1"])}
    assert len(plans) > 1
    _, _, err = ended([*shared, "--forward=9", "--softmax=1", "--transfer=1"])
    assert [line for line in err.splitlines() if "no effect" in line] == [
        "pipebench: --transfer: no effect, a plan as CSV has no times"
    ]


def test_who_wants_no_notices_gets_none() -> None:
    assert ended([*DRY, "-o", "x", "--quiet"])[::2] == (0, "")


def test_every_rule_has_a_line_here() -> None:
    """But for those of init and reproduce, which stand in their own tests: these take long."""
    commands = {part for arguments, _ in TOLD for part in arguments[:2]}
    assert set(RULES) - commands == {"ci", "reproduce"}


def test_halves_of_a_backward_through_the_command(pipebench: Pipebench) -> None:
    sizes = ("simulate", "--schedule", "1f1b", "--stages", "4", "--microbatches", "4", "--json")
    halves = pipebench(*sizes, "--backward-input", "1", "--backward-weight", "1")
    whole = pipebench(*sizes, "--backward", "2")
    assert (halves.code, whole.code, whole.err) == (0, 0, "")
    assert halves.err == (
        "pipebench: --backward-input, --backward-weight: schedule 1f1b runs the backward whole, "
        "so only their sum counts\n"
    )
    assert json.loads(halves.out)["makespan_s"] == json.loads(whole.out)["makespan_s"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "a.json", "--self-test", "--allow-inconclusive"], "leave out --allow-inconclusive"),
        (["check", "a.json", "--self-test", "--allow-mismatch=dtype"], "leave out --allow-mismatch"),
        (
            ["compare", "a.json", "b.json", "--json", "--format=csv"],
            "--json and --format csv exclude each other",
        ),
    ],
)
def test_what_would_end_or_print_otherwise_than_asked_is_refused(arguments: list[str], words: str) -> None:
    code, out, err = ended(arguments)
    assert (code, out) == (2, "")
    assert words in err
