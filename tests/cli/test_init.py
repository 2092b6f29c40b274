"""``pipebench init ci`` through the installed command."""

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Pipebench
from tests.templates.test_choices import HOSTILE

ROOT = Path(__file__).parents[2]
PATHS = {"github": ".github/workflows/pipebench.yml", "gitlab": ".gitlab-ci-pipebench.yml"}


@pytest.mark.parametrize("forge", PATHS)
def test_a_template_is_written_once_and_replaced_only_when_asked_to(
    pipebench: Pipebench, tmp_path: Path, forge: str
) -> None:
    path = tmp_path / PATHS[forge]
    ended = pipebench("init", "ci", forge, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"wrote {PATHS[forge]}\n")
    assert "a gate that fires" in ended.out
    assert "no repository's top" in ended.err
    written = path.read_text()
    assert yaml.safe_load(written)

    path.write_text("mine")
    ended = pipebench("init", "ci", forge, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"pipebench: error: {PATHS[forge]}: there already; --force replaces it\n"
    assert path.read_text() == "mine"

    assert pipebench("init", "ci", forge, "--force", cwd=tmp_path).code == 0
    assert path.read_text() == written


def test_it_goes_into_the_folder_that_is_named(pipebench: Pipebench, tmp_path: Path) -> None:
    (tmp_path / "there/.git").mkdir(parents=True)
    ended = pipebench("init", "ci", "github", "-o", "there", "--runner", "a100", "--gpus", "4", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "runs-on: ['a100']" in (tmp_path / "there" / PATHS["github"]).read_text()


@pytest.mark.parametrize("option", ["--runner", "--run", "--requirements", "--branch"])
def test_2_for_an_option_that_would_be_more_than_words(
    pipebench: Pipebench, tmp_path: Path, option: str
) -> None:
    for value in ("$(touch hacked)", HOSTILE[5]):
        ended = pipebench("init", "ci", "github", option, value, cwd=tmp_path)
        assert ended.code == 2
        assert option in ended.err
        assert len(ended.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gitea"], "unknown forge 'gitea': expected one of github, gitlab"),
        (["github", "--gpus", "0"], "--gpus must be at least 1"),
        (["github", "--sides", "images"], "expected one of requirements, refs"),
        ([], "Missing argument"),
    ],
)
def test_2_for_what_the_user_got_wrong(
    pipebench: Pipebench, tmp_path: Path, arguments: list[str], words: str
) -> None:
    ended = pipebench("init", "ci", *arguments, cwd=tmp_path)
    assert ended.code == 2
    assert words in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("forge", PATHS)
def test_2_for_what_is_in_the_way(pipebench: Pipebench, tmp_path: Path, forge: str) -> None:
    (tmp_path / "file").write_text("")
    assert pipebench("init", "ci", forge, "-o", "file", cwd=tmp_path).code == 2
    (tmp_path / PATHS[forge]).mkdir(parents=True)
    for force in ([], ["--force"]):
        ended = pipebench("init", "ci", forge, *force, cwd=tmp_path)
        assert (ended.code, len(ended.err.splitlines())) == (2, 1)


def test_7_for_a_folder_that_cannot_be_written(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("init", "ci", "github", "-o", "/proc/x", cwd=tmp_path)
    assert (ended.code, len(ended.err.splitlines())) == (7, 1)


def test_a_link_is_not_written_through(pipebench: Pipebench, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / PATHS["gitlab"]).symlink_to(tmp_path / "elsewhere")
    assert pipebench("init", "ci", "gitlab", cwd=tmp_path).code == 2
    assert pipebench("init", "ci", "gitlab", "--force", cwd=tmp_path).code == 0
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert (tmp_path / PATHS["gitlab"]).read_text().startswith("# Made by:")


def test_the_template_of_this_repository_is_what_its_command_writes(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    committed = (ROOT / PATHS["github"]).read_text()
    _, _, command = committed.splitlines()[0].partition("# Made by: pipebench ")
    assert pipebench(*command.split(), cwd=tmp_path).code == 0
    assert (tmp_path / PATHS["github"]).read_text() == committed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--run", "--nonsense"), "--run '--nonsense': No such option: --nonsense"),
        (("--run", "--preset nope"), "unknown --preset 'nope'"),
        (("--run", "--machine local"), "--run '--machine local', on GPUs: --machine is for emulated devices"),
        (("--gpus", "12"), "12 devices for 8 LSTM layers"),
    ],
)
def test_2_for_what_the_jobs_run_would_refuse(
    pipebench: Pipebench, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    ended = pipebench("init", "ci", "github", *options, cwd=tmp_path)
    assert ended.code == 2
    assert words in ended.err
    assert not list(tmp_path.iterdir())


def test_requirements_that_two_refs_do_not_need_are_told_to_have_no_effect(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    options = ("init", "ci", "github", "--sides", "refs", "--gpus", "2")
    ended = pipebench(*options, "--requirements", "other.txt", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.err.startswith("pipebench: --requirements: no effect, --sides refs compares two versions")


def test_a_model_to_start_from_is_written_once_and_its_template_measures_it(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    ended = pipebench("init", "model", "bench/model.py", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(
        "wrote bench/model.py\n\ntry\n  pipebench run --model bench/model.py:build --gpus 4\n"
    )
    written = (tmp_path / "bench/model.py").read_text()
    template = pipebench(
        "init", "ci", "github", "--model", "bench/model.py:build", "--gpus", "4", cwd=tmp_path
    )
    assert template.code == 0, template.err
    parsed = yaml.safe_load((tmp_path / PATHS["github"]).read_text())
    for job in parsed["jobs"].values():
        (step,) = [step for step in job["steps"] if "run" in step]
        assert step["env"]["PIPEBENCH_OPTIONS"].startswith("--model bench/model.py:build --gpus 4 --device ")
        assert 'ab --a "$BASE" --b HEAD' in step["run"]

    (tmp_path / "bench/model.py").write_text("mine")
    again = pipebench("init", "model", "bench/model.py", cwd=tmp_path)
    assert (again.code, again.out) == (2, "")
    assert again.err == "pipebench: error: bench/model.py: there already; --force replaces it\n"
    assert pipebench("init", "model", "bench/model.py", "--force", cwd=tmp_path).code == 0
    assert (tmp_path / "bench/model.py").read_text() == written


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["model", "model.txt"], "model.txt: expected a name that ends with .py"),
        (["model", "file/model.py"], "something else is in the way"),
        (["ci", "github", "--model", "bench/none.py:build"], "there is no bench/none.py in "),
    ],
)
def test_2_for_a_model_that_is_none(
    pipebench: Pipebench, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "file").touch()
    ended = pipebench("init", *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
