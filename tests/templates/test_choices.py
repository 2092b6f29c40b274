"""What a user may choose for a template, and what is refused: anything that a shell or YAML might act on."""

from typing import Any

import pytest

from pipebench.errors import UsageError
from pipebench.templates.choices import Choices

HOSTILE = [
    "a b",
    "a;id",
    "$(id)",
    "`id`",
    "${{ github.token }}",
    "a\nb",
    "a\n",
    "a'",
    'a"',
    "a: b",
    "a # b",
    "*",
    "&a",
    "!!x",
    "\x1b[31m",
    "%%{script}",
    "é",
]


@pytest.mark.parametrize("value", [*HOSTILE, "", "-x", ",", "gpu,"])
def test_a_label_is_a_word(value: str) -> None:
    with pytest.raises(UsageError, match="--runner"):
        Choices(runner=value)


@pytest.mark.parametrize("field", ["requirements", "branch"])
@pytest.mark.parametrize("value", [*HOSTILE, "", "-r", "/etc/passwd", "../x", "a/../../x"])
def test_a_path_stays_below_and_holds_nothing_else(field: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"--{field}"):
        Choices(**{field: value})


@pytest.mark.parametrize("value", [".", "sub/", "a/"])
def test_what_is_required_stands_in_a_file(value: str) -> None:
    with pytest.raises(UsageError, match="--requirements"):
        Choices(requirements=value)


@pytest.mark.parametrize(
    "value", ["c++", "refs/heads/main", "HEAD", "main/", "a//b", "x.lock", "x.lock/y", ".x", "a..b", "a."]
)
def test_a_branch_is_what_git_takes_and_no_pattern(value: str) -> None:
    with pytest.raises(UsageError, match="--branch"):
        Choices(branch=value)


@pytest.mark.parametrize("value", [value for value in HOSTILE if value != "a b"])
def test_run_options_are_plain_words(value: str) -> None:
    with pytest.raises(UsageError, match="--run"):
        Choices(run=f"--preset {value}")


@pytest.mark.parametrize(
    "value", ["--gpus 2", "--device=cpu", "-o x", "-ox", "--launches 3", "--json", "--", "--help"]
)
def test_run_options_are_not_what_the_template_sets(value: str) -> None:
    with pytest.raises(UsageError, match="leave it out"):
        Choices(run=value)


@pytest.mark.parametrize(
    "value",
    [f"{text}.py:build" for text in HOSTILE]
    + [f"model.py:{text}" for text in HOSTILE]
    + [
        "model.py",
        "model.py:",
        ":m",
        "/x/model.py:m",
        "../model.py:m",
        "bench/model:m",
        "-m:x",
        "a..b:m",
        "--x.py:m",
    ],
)
def test_a_model_is_a_file_below_or_a_module(value: str) -> None:
    with pytest.raises(UsageError, match="--model"):
        Choices(model=value)


@pytest.mark.parametrize(
    ("model", "file"), [("bench/model.py:build", "bench/model.py"), ("bench.model:m", "bench/model.py")]
)
def test_a_model_is_an_option_of_both_jobs_and_decides_what_the_sides_are(model: str, file: str) -> None:
    chosen = Choices(model=model, gpus=4)
    assert chosen.common == f"--model {model} --gpus 4"
    assert (chosen.kind, chosen.model_file) == ("model", file)
    assert chosen.command("github") == f"pipebench init ci github --gpus 4 --model {model}"
    assert (Choices().kind, Choices(sides="refs").kind) == ("requirements", "refs")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sides": "refs"}, "leave --sides out"),
        ({"sides": "requirements"}, "leave --sides out"),
        ({"machines": 2}, "leave --machines out"),
        ({"run": "--model=seq2seq"}, "leave one of them out"),
    ],
)
def test_what_does_not_go_with_a_model(more: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Choices(model="model.py:m", **more)


def test_there_is_a_device_and_a_known_kind_of_sides() -> None:
    with pytest.raises(UsageError, match="--gpus must be at least 1, got 0"):
        Choices(gpus=0)
    with pytest.raises(UsageError, match="expected one of requirements, refs"):
        Choices(sides="images")


def test_what_was_chosen_can_be_chosen_again() -> None:
    assert Choices().command("github") == "pipebench init ci github"
    chosen = Choices(
        runner="self-hosted,a100", gpus=4, run="--preset tiny --partition 3,2,2,1", branch="release/1.x"
    )
    assert chosen.labels == ["self-hosted", "a100"]
    assert chosen.common == "--gpus 4 --preset tiny --partition 3,2,2,1"
    assert chosen.command("gitlab") == (
        "pipebench init ci gitlab --runner self-hosted,a100 --gpus 4 "
        "--run '--preset tiny --partition 3,2,2,1' --branch release/1.x"
    )
