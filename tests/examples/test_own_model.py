"""What examples/own-model says works: every model in it, and every command of its README."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Pipebench

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "own-model"


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with a checkpoint beside it, as a user would have one."""
    folder = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("example") / "own-model")
    saving = "import more, torch; torch.save(more.stack().state_dict(), 'checkpoint.pt')"
    subprocess.run([sys.executable, "-c", saving], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("device", [("--gpus", "4"), ("--gpus", "2", "--device", "cpu")])
def test_the_model_runs_on_emulated_devices_and_on_real_ranks(
    pipebench: Pipebench, copied: Path, device: tuple[str, ...]
) -> None:
    effort = ("--launches", "1", "--steps", "1", "--batch", "16", "--json")
    ended = pipebench("run", "--model", "model.py:build", *device, *effort, cwd=copied)
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert record["config"]["model"]["name"] == "model:build"
    assert [layer["name"] for layer in record["config"]["model"]["layers"]] == [
        "Embed",
        *["Block"] * 6,
        "Head",
    ]
    assert record["config"]["input"]["unit"] == "digits"
    assert record["config"]["optimizer"]["name"] == "AdamW"
    assert record["verification"]["max_relative_gradient_error"] <= 1e-5
    assert record["verification"]["max_relative_parameter_error"] == 0
    assert record["devices"][0]["memory"]["optimizer_state_bytes"] > 0


@pytest.mark.parametrize("options", ["trained", "untied", "along_time --schedule wavefront --chunks 4"])
def test_everything_else_that_a_model_may_need_runs(pipebench: Pipebench, copied: Path, options: str) -> None:
    name, *more = options.split()
    effort = ("--launches", "1", "--steps", "1", "--batch", "8", "--json", "--device", "cpu")
    ended = pipebench("run", "--model", f"more.py:{name}", "--gpus", "2", *more, *effort, cwd=copied)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["verification"]["max_relative_gradient_error"] <= 1e-5


def test_the_readme_names_what_is_there() -> None:
    text = (EXAMPLE / "README.md").read_text()
    more = (EXAMPLE / "more.py").read_text()
    for name in re.findall(r"`more\.py:(\w+)`", text):
        assert f"def {name}(" in more
    for command in re.findall(r"^pipebench run (.*?)(?:\s+#.*)?$", text, re.MULTILINE):
        assert command.startswith("--model model.py:build --gpus ")
    lines = [line for line in (EXAMPLE / "model.py").read_text().splitlines() if line.strip()]
    assert len(lines) <= 40


def test_the_model_of_the_page_is_one(pipebench: Pipebench, tmp_path: Path) -> None:
    page = (EXAMPLE.parent.parent / "docs" / "your-own-model.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mine.py").write_text(code)
    ended = pipebench("run", "--model", "mine.py:model", "--gpus", "4", "--dry-run", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert document["partition"] == [2, 2, 2, 2]
    assert document["config"]["batch"] == 512
    assert document["devices"][0]["layers"] == "0-1 Sequential"
