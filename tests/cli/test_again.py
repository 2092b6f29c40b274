"""What is worth trying after a run: a command that a shell takes as it is printed, and that pipebench takes."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from pipebench.cli import running
from pipebench.cli.brief import Next
from pipebench.records.keeping import Kept
from pipebench.records.schema import WarningRecord
from tests.builders import completed_record
from tests.cli.conftest import environment
from tests.cli.inside import printed

if TYPE_CHECKING:
    from pipebench.cli.again import Again

Following = Callable[..., Next | None]


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Following:
    """What follows a run that was typed so, of which this record was kept."""
    asked: list[Again] = []
    monkeypatch.setattr(running, "_run", lambda again, *_, **__: asked.append(again) or 0)

    def follow(*arguments: str, trouble: str | None = None, warnings: tuple[str, ...] = ()) -> Next | None:
        code, _, err = printed("run", *arguments, cwd=tmp_path)
        assert code == 0, err
        told = [WarningRecord(code, "a cause", "a step") for code in warnings]
        record = msgspec.structs.replace(completed_record(), warnings=told)
        return asked[-1].worth_trying(Kept(record, Path("folder/record.json"), trouble))

    return follow


WAVEFRONT = (
    (("--gpus", "8", "--schedule=gpipe", "-M", "4"), "pipebench run --gpus 8"),
    (("--gpus=8", "-M4", "--chunks=2", "--quick"), "pipebench run --gpus 8 --quick"),
    (("-M=4"[:2], "4", "-C", "2", "--devices", "4"), "pipebench run --gpus 4"),
    (
        ("--microbatches=4", "--schedule", "1f1b", "--checkpoint", "always"),
        "pipebench run --checkpoint always",
    ),
    (("--partition", "2,2,2,2"), "pipebench run --partition 2,2,2,2"),
    (("--softmax-devices=all", "--schedule", "1f1b"), "pipebench run --softmax-devices all"),
    (("--softmax-devices", "2", "--partition", "4,4"), "pipebench run --partition 4,4 --softmax-devices 2"),
    (("-o", "my results", "--quiet"), "pipebench run --output 'my results' --quiet"),
    (("--text", "-it's $HOME.txt"), """pipebench run '--text=-it'"'"'s $HOME.txt'"""),
    (("--text=a\nb"), ""),
    (("--deadline", "5", "--seq-len", "24"), "pipebench run --sequence-length 24"),
    (("--machine", "local", "--remeasure", "--rigorous"), "pipebench run --machine local --rigorous"),
    (("--schedule", "zb-h1", "--cell", "split", "--quick"), "pipebench run --quick"),
    (("--batch", "30", "--launches", "1"), "pipebench run --batch 30 --launches 1"),
    (
        ("--model", "seq2seq", "--gpus=4", "--no-bucket", "--synthetic"),
        "pipebench run --gpus 4 --model seq2seq --synthetic --no-bucket",
    ),
)


def test_what_stands_in_a_file_is_typed_out(following: Following, tmp_path: Path) -> None:
    (tmp_path / "pipebench.toml").write_text('[run]\npreset = "tiny"\nsynthetic = true\nmicrobatches = 8\n')
    found = following("--gpus=2")
    assert found is not None
    assert found.command == "pipebench run --gpus 2 --preset tiny --synthetic --schedule wavefront"


def test_slices_that_a_file_gives_to_the_next_run_too_must_leave_it_something_to_cut(
    following: Following, tmp_path: Path
) -> None:
    (tmp_path / "pipebench.toml").write_text('[run]\npreset = "tiny"\nsynthetic = true\nchunks = 1\n')
    found = following("--gpus=2")
    assert found is not None
    assert found.command.startswith("pipebench explain ")


@pytest.mark.parametrize(("arguments", "expected"), [each for each in WAVEFRONT if each[1]])
def test_the_same_run_with_another_schedule(
    following: Following, arguments: tuple[str, ...], expected: str
) -> None:
    found = following(*arguments)
    assert found == Next(f"{expected} --schedule wavefront", "pipelined over time as well")


def test_what_is_suggested_is_taken(following: Following, tmp_path: Path) -> None:
    """One shell for all of them, each as a dry run."""
    (tmp_path / "-it's $HOME.txt").write_text("the cat sat on the mat. " * 100)
    lines = [following(*arguments) for arguments, expected in WAVEFRONT if expected]
    script = "set -e\n" + "\n".join(f"{line.command} --dry-run --json" for line in lines[3:10] if line)
    ended = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--schedule", "wavefront"),
        ("--schedule", "wavefront-zb", "--most-alive", "64"),
        ("--gpus", "1", "--layers", "1"),
        ("--seq-len", "31"),  # nothing to cut the time into
        ("--seq-len", "1"),
    ],
)
def test_a_look_at_the_record_where_there_is_no_other_schedule(
    following: Following, arguments: tuple[str, ...]
) -> None:
    assert following(*arguments) == Next(
        "pipebench explain folder/record.json", "where the time goes, and what would win it back"
    )


def test_no_plan_with_still_smaller_slices_where_they_are_too_small(following: Following) -> None:
    found = following("--gpus", "8", warnings=("slower-than-one-device",))
    assert found is not None
    assert shlex.split(found.command)[1] == "explain"


def test_nothing_where_the_folder_cannot_be_written(following: Following) -> None:
    assert following("--gpus", "8", trouble="the disk is full") is None
