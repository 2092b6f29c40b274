"""``pipebench ab`` on two refs of a user's own repository, and on two models."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipebench.provenance.origins import VARIABLE, Origins
from tests.ab.test_worktrees import git
from tests.cli.conftest import Pipebench, environment
from tests.pretend import repeating

# The layers are in a package of the repository, whose folder the model's file puts on the path.
MODEL = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

import pipebench, torch
from layers.block import Block

def loss(output, target): return ((output - target) ** 2).sum()
def batch(size, generator): return torch.randn(2, size, 128, generator=generator).unbind()
def build(): return pipebench.Model([lambda: Block(128, 128)] * 2, loss, batch, batch_size=32, name="blocks")
"""
BLOCK = """
from torch import nn

class Block(nn.Linear):
    def forward(self, hidden):
        for _ in range(%d):
            result = super().forward(hidden)
        return result
"""
LATE = """
import sys
import pipebench, torch
from torch import nn

class Late(nn.Linear):
    def forward(self, hidden):
        if {condition}:
            import {module}
        return super().forward(hidden)

def loss(output, target): return ((output - target) ** 2).sum()
def batch(size, generator): return torch.randn(2, size, 8, generator=generator).unbind()
def build(): return pipebench.Model([lambda: Late(8, 8)] * 2, loss, batch, batch_size=32)
"""
REAL = ("--model", "bench/model.py:build", "--gpus", "1", "--device", "cpu")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tags: one; same, a change that costs nothing; slow, whose layers do their work 40 times; six layers."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for name, model, times in (
        ("one", MODEL, 1),
        ("same", f"{MODEL}# the same\n", 1),
        ("slow", MODEL, 40),
        ("six", MODEL.replace("* 2", "* 6"), 1),
    ):
        put(folder, "bench/model.py", model)
        put(folder, "src/layers/block.py", BLOCK % times)
        put(folder, "bench/plain.py", model.replace("sys.path", "[]"))
        put(folder, "bench/late.py", LATE.format(condition="True", module="layers.block"))
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", name)
        git(folder, "tag", name)
    return folder


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The sides' interpreter, which measures a commit once and then repeats it."""
    folder = tmp_path_factory.mktemp("repeating")
    python = folder / "python"
    python.write_text(
        f"#!/bin/sh\nREPEATED={shlex.quote(str(folder))} exec {shlex.quote(sys.executable)} "
        f'{repeating.__file__} "$@"\n'
    )
    python.chmod(0o755)
    return f"--a-python={python}", f"--b-python={python}"


def test_a_commit_that_slows_a_layer_down_is_a_regression(
    pipebench: Pipebench, repository: Path, pythons: tuple[str, ...], tmp_path: Path
) -> None:
    gate = ("--gate", "throughput=50%", "--max-launches", "4", "--json", "-o", str(tmp_path))
    ended = pipebench("ab", "--a", "one", "--b", "slow", *pythons, *gate, "--", *REAL, cwd=repository)
    assert ended.code == 3, ended.err
    document = json.loads(ended.out)
    assert document["metrics"]["throughput"]["change"] < -0.5
    records = [json.loads(Path(document[side]["path"]).read_text()) for side in ("reference", "candidate")]
    commits = [git(repository, "rev-parse", name) for name in ("one", "slow")]
    assert [each["environment"]["commit"] for each in records] == commits
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_commit_that_does_not_is_none_also_from_a_folder_below(
    pipebench: Pipebench, repository: Path, pythons: tuple[str, ...], tmp_path: Path
) -> None:
    """The gate is a fall to a tenth. What is written goes where the user stands.

    A relative PYTHONPATH leads each side into its own checkout.
    """
    gate = ("--gate", "throughput=90%", "--max-launches", "4", "--allow-inconclusive", "--json")
    model = ("--model", "plain.py:build", *REAL[2:])
    path = ("--a-env", "PYTHONPATH=../src", "--b-env", "PYTHONPATH=../src")
    sides = ("--a", "one", "--b", "same", *pythons, *path)
    ended = pipebench(
        "ab", *sides, *gate, "--junit", "ab.xml", "-o", "kept", "--", *model, cwd=repository / "bench"
    )
    assert ended.code == 0, ended.err
    assert (repository / "bench/ab.xml").exists()
    assert len(list((repository / "bench/kept").glob("*.json"))) == 2


def test_a_module_of_the_working_tree_ends_it_with_7_before_anything_is_measured(
    pipebench: Pipebench, repository: Path, tmp_path: Path
) -> None:
    """As an editable install does, PYTHONPATH leads to the working tree for both sides. A layer imports as it runs."""
    (repository / "README").write_text("not committed\n")
    git(repository, "add", "README")
    refs = ("--a", "one", "--b", "HEAD", "-o", str(tmp_path / "kept"))
    ended = pipebench(
        *("ab", *refs, "--", "--model", "bench/late.py:build", *REAL[2:]),
        cwd=repository,
        PYTHONPATH=str(repository / "src"),
    )
    git(repository, "reset", "--quiet", "--hard")
    assert (ended.code, ended.out) == (7, "")
    (error,) = [line for line in ended.err.splitlines() if "error" in line]
    assert "side A (one = " in error
    assert f"module layers comes from {repository}/src/layers, not from this side's checkout" in error
    assert "launch 1" not in ended.err
    assert not list((tmp_path / "kept").glob("*"))
    assert "not committed: README; " in ended.err


def test_a_module_that_is_first_imported_while_it_is_measured_leaves_no_launch(tmp_path: Path) -> None:
    """Not by the process that describes the layers."""
    timed = "'pipebench.models.own.describing' not in sys.modules"
    put(tmp_path, "own/model.py", LATE.format(condition=timed, module="late_module"))
    put(tmp_path, "top/late_module.py", "")
    own, top = str(tmp_path / "own"), str(tmp_path / "top")
    told = Origins(own=own, top=top, foreign=(top,), shared=True)
    run = ("run", "--model", "model.py:build", *REAL[2:], "--launches", "1", "-M", "2", "--quiet", "--json")
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "pipebench", *run],
        cwd=own,
        env=environment(PYTHONPATH=os.pathsep.join([top, *sys.path]), **{VARIABLE: told.encoded()}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (7, "")
    assert f"module late_module comes from {top}/late_module.py" in ended.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "bench/none.py:build"], "side A (--a one): there is no bench/none.py in "),
        (
            ["--model", "{here}/bench/model.py:build"],
            "would be the same file on both sides; give it relative",
        ),
        (["--a-model", "a.py:m", "--b-model", "b.py:m", "--", "--model", "c.py:m"], "--model is given"),
        (["--model", "stacked-lstm"], "-- --model FILE.py:NAME"),
    ],
)
def test_2_and_one_line_for_what_the_user_got_wrong(
    pipebench: Pipebench, repository: Path, options: list[str], words: str
) -> None:
    options = [word.format(here=repository) for word in options]
    between = [] if options[:1] == ["--a-model"] else ["--"]
    ended = pipebench("ab", "--a", "one", "--b", "slow", "--quiet", *between, *options, cwd=repository)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
