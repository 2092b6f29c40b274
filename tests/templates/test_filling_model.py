"""The templates for a model of the user's own, and the model to start from."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from pipebench import Model
from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.models.own.describing import describe
from pipebench.templates.choices import Choices
from pipebench.templates.filling import forge_of, model_file, model_steps, next_steps
from tests.engine.test_own_models import verified
from tests.templates.filled import OWN, pipeline, steps, workflow


def test_a_model_of_ones_own_changes_the_script_and_none_of_the_hardening() -> None:
    """Whatever holds for a job's frame holds for this one too."""
    frames = []
    for choices in (Choices(gpus=4), OWN):
        jobs = workflow(choices)["jobs"]
        for job in jobs.values():
            (step,) = steps(job, "run")
            script = step.pop("run")
            assert "${{" not in script
            assert step["env"].pop("PIPEBENCH_OPTIONS").startswith("--model bench/model.py:build ") is bool(
                choices.model
            )
        frames.append(jobs)
    assert frames[0] == frames[1]
    of_gitlab = [pipeline(choices) for choices in (Choices(gpus=4), OWN)]
    for jobs in of_gitlab:
        del jobs[".pipebench"]["script"]
        for name in ("pipebench-emulated", "pipebench-gpu"):
            del jobs[name]["variables"]["PIPEBENCH_OPTIONS"]
    assert of_gitlab[0] == of_gitlab[1]


def test_the_next_steps_of_a_model_of_ones_own() -> None:
    text = next_steps(forge_of("github"), OWN)
    assert "and nothing of this repository (no -e .)" in text
    assert (
        "pipebench ab --a HEAD~1 --b HEAD --allow-inconclusive --budget 240 -- --model bench/model.py:build "
        in text
    )


def test_the_model_to_start_from_is_short_and_passes_ruff(tmp_path: Path) -> None:
    text = model_file()
    assert 60 <= len(text.splitlines()) <= 100
    (tmp_path / "model.py").write_text(text)
    ruff = [Path(sys.executable).with_name("ruff"), "check", "--isolated", "--no-cache", "model.py"]
    ended = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    for field in fields(Model):
        assert field.name == "_" or re.search(rf"^        {field.name}=", text, re.MULTILINE), field.name


@pytest.mark.usefixtures("one_thread")
def test_the_model_to_start_from_can_be_pipelined(tmp_path: Path) -> None:
    (tmp_path / "begun.py").write_text(model_file())
    reference = f"{tmp_path}/begun.py:build"
    options = RunOptions(model=reference, gpus=4, device="emulated", batch=8, microbatches=4)
    found = describe(reference, batch=8, dtype="float32", seed=0, slices=lambda size, time: (4, 1))
    assert not found.notices
    verified(resolve(options, found))


def test_commands_to_try_with_a_model() -> None:
    text = model_steps(Path("a b.py"))
    assert "  pipebench run --model 'a b.py:build' --gpus 4\n" in text
    assert "  pipebench ab --a HEAD~1 --b HEAD -- --model 'a b.py:build' --gpus 4\n" in text
    assert "  pipebench init ci github --model 'a b.py:build' --gpus 4\n" in text
