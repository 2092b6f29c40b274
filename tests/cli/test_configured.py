"""Options from a file: the command line wins, what is taken is told, and mistakes are one line and exit 2."""

import json
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from pipebench.cli.app import NAMES, application
from pipebench.cli.configured import Configured, options
from pipebench.config.config_file import FILE, PROJECT, SWITCH
from tests.builders import steady_record
from tests.cli.inside import printed
from tests.cli.saved import save
from tests.cli.tomls import DRY, TINY, config, planned


@pytest.fixture(autouse=True)
def _read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)


def test_without_a_file_nothing_is_said(tmp_path: Path) -> None:
    code, out, err = printed(*DRY, "--preset=tiny", "--synthetic", cwd=tmp_path)
    assert (code, err) == (0, b"")
    assert {each["came_from"] for each in json.loads(out)["options"]} == {"command line", "default"}


def test_a_project_s_file_does_as_well(tmp_path: Path) -> None:
    config(tmp_path, TINY.replace("[run]", "[tool.pipebench.run]"), PROJECT)
    assert planned(tmp_path)["--gpus"] == (2, PROJECT)
    assert printed(*DRY, cwd=tmp_path)[2] == (
        b"pipebench: pyproject.toml [tool.pipebench.run] gives --preset, --synthetic, --gpus\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [([], True), (["--quiet"], False), (["--gpus=1", "--preset=tiny", "--synthetic"], False)],
)
def test_what_is_taken_is_told_in_a_line(arguments: list[str], told: bool, tmp_path: Path) -> None:
    _, _, err = printed(*DRY, *arguments, cwd=config(tmp_path, TINY))
    assert (f"{FILE} [run] gives" in err.decode()) is told


def test_an_option_is_told_by_the_name_that_the_file_gives_it(tmp_path: Path) -> None:
    config(tmp_path, '[guard]\nmetric = "step_s"\nlower-is-better = true\n')
    assert printed("guard", "--", "true", cwd=tmp_path)[2].decode().splitlines()[0] == (
        f"pipebench: {FILE} [guard] gives --metric, --lower-is-better"
    )


def test_a_file_cannot_hide_itself(tmp_path: Path) -> None:
    _, _, err = printed(*DRY, cwd=config(tmp_path, TINY + "quiet = true"))
    assert err.decode() == f"pipebench: {FILE} [run] gives --preset, --synthetic, --gpus, --quiet\n"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    save(tmp_path, base=steady_record(), slower=steady_record(1.1))
    return tmp_path


CHECK = ("check", "slower.json", "--against", "base.json")


def test_a_verdict_never_changes_unseen(records: Path) -> None:
    assert printed(*CHECK, cwd=records)[0] == 3
    config(records, '[check]\ngate = ["speedup=50%", "words_per_s=50%"]\n')
    code, _, err = printed(*CHECK, cwd=records)
    assert (code, err) == (0, b"pipebench: pipebench.toml [check] gives --gate\n")
    code, _, err = printed(*CHECK, "--gate", "speedup=3%", cwd=records)
    assert (code, err) == (3, b"")


def test_a_variable_makes_it_read_no_file(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config(records, '[check]\ngate = ["speedup=50%", "words_per_s=50%"]\n')
    monkeypatch.setenv(SWITCH, "1")
    code, _, err = printed(*CHECK, cwd=records)
    assert (code, err) == (3, b"")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[check]\ngates = []", "[check] gates: no such option of check; did you mean gate?"),
        ('[check]\ngate = "speedup=3%"', "[check] gate: expected a list, each entry text in quotes"),
        ("[check]\ncurrent = 'x'", "[check] current: no such option of check"),
        ("[check]\nhelp = true", "[check] help: no such option of check"),
        ("[chekc]\n", "chekc: no such command; did you mean check?"),
        ("[check", "expected TOML: "),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(text: str, told: str, records: Path) -> None:
    code, out, err = printed(*CHECK, cwd=config(records, text))
    assert (code, out) == (2, b"")
    assert err.decode().startswith(f"pipebench: error: {FILE}: {told}")
    assert err.count(b"\n") == 1


def test_help_and_version_are_given_whatever_the_file_holds(tmp_path: Path) -> None:
    config(tmp_path, "[run")
    for arguments in (
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["baseline", "save", "-h"],
        ["run", "--gpus", "2", "-h"],
    ):
        code, _, err = printed(*arguments, cwd=tmp_path)
        assert (code, err) == (0, b"")


def test_a_command_that_is_behind_the_dashes_does_not_ask_us_for_help(tmp_path: Path) -> None:
    code, _, err = printed(
        "guard", "--metric", "step_s", "--", "true", "--help", cwd=config(tmp_path, "[guard")
    )
    assert code == 2
    assert f"{FILE}: expected TOML" in err.decode()


def test_a_command_of_a_group_has_a_table_of_its_own(tmp_path: Path) -> None:
    config(tmp_path, "[baseline.list]\njson = true\n")
    code, out, err = printed("baseline", "list", cwd=tmp_path)
    assert (code, json.loads(out)) == (0, [])
    assert err == b"pipebench: pipebench.toml [baseline.list] gives --json\n"


def test_completion_does_not_look_into_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COMP_WORDS", "pipebench run --qui"), ("COMP_CWORD", "2")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("_PIPEBENCH_COMPLETE", "complete_bash")
    assert printed(cwd=config(tmp_path, "[run"))[:2] == (0, b"--quick\n--quiet\n")


def test_every_option_of_every_command_may_stand_in_the_file() -> None:
    group = typer.main.get_command(application([]))
    assert isinstance(group, typer.core.TyperGroup)
    assert {*group.commands} == {*NAMES}
    for command in group.commands.values():
        for each in command.commands.values() if isinstance(command, typer.core.TyperGroup) else [command]:
            assert isinstance(each, Configured)
            long = {name[2:] for option in each.params for name in option.opts if name.startswith("--")}
            assert options(each).keys() >= long, each.name


def test_a_variable_counts_before_the_file_and_after_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)

    @app.command("run", cls=Configured)
    def run(steps: Annotated[int, typer.Option("--steps", envvar="STEPS_OF_A_TEST")] = 1) -> None:
        typer.echo(steps)

    def stepped(*arguments: str, **variables: str) -> str:
        return CliRunner().invoke(app, ["run", *arguments], env=variables).stdout.split()[-1]

    monkeypatch.chdir(tmp_path)
    assert stepped() == "1"
    config(tmp_path, "[run]\nsteps = 2\n")
    assert stepped() == "2"
    assert stepped(STEPS_OF_A_TEST="3") == "3"
    assert stepped("--steps", "4", STEPS_OF_A_TEST="3") == "4"
