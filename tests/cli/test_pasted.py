"""Every command that is suggested works when it is pasted into a shell, whatever the names in it."""

import inspect
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
import typer

from pipebench.cli import output
from pipebench.cli.app import application
from tests.builders import steady_record
from tests.cli.conftest import COMMAND, Ended, Pipebench, environment
from tests.cli.inside import printed
from tests.cli.saved import save

ODD = (
    *("my results", "it's", 'say "x"', "$HOME", "a\nb", "-dash", "*", "天 é", "~", "a::b", "##[x]", "a  b"),
    *("#x", "!x", "back\\slash", "--json", "\udcff"),
)
(GPIPE,) = (Path(__file__).parent.parent.parent / "results" / "schedules").glob("*-gpipe-*.json")
TINY = ("--preset", "tiny", "--synthetic", "--launches", "1", "--steps", "1", "--gpus", "2", "--layers", "2")


def pasted(*lines: str, cwd: Path) -> Ended:
    """What a shell makes of them, up to the first that fails."""
    script = "set -e\n" + "\n".join(lines)
    ended = subprocess.run(
        ["bash", "-c", script.encode("utf-8", "surrogateescape")],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def suggested(text: str) -> str:
    """The command that ends a line."""
    return text[text.rindex("pipebench ") :].strip()


def test_a_record_is_shown_from_whatever_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ODD:
        save(tmp_path / name, a=steady_record())
    lines = [output.show_command(Path(name) / "a.json", "--json") for name in ODD]
    ended = pasted(*(f"{line} > shown" for line in lines[1::4]), cwd=tmp_path)
    assert ended.code == 0, ended.err
    for line, name in zip(lines, ODD, strict=True):  # the others within this process
        words = pasted(f"printf '%s\\n' {line.removeprefix('pipebench show --json ')} | wc -c", cwd=tmp_path)
        assert int(words.out) == len(f"{name}/a.json".encode("utf-8", "surrogateescape")) + 1 + 2 * (
            name[0] == "-"
        )


def test_what_a_run_suggests_is_pasted(pipebench: Pipebench, tmp_path: Path) -> None:
    name = "-it's $HOME  x\n天::"
    ended = pipebench("run", *TINY, "--quiet", "-o", name, cwd=tmp_path)
    assert ended.code == 0, ended.err
    (line,) = re.findall(r"^next +(.*)$", ended.out, flags=re.MULTILINE)
    assert line.startswith("pipebench explain ")
    shown = pasted(line, cwd=tmp_path)
    assert (shown.code, shown.err) == (0, "")


@pytest.mark.parametrize("columns", ["40", "80"])
def test_what_explain_proposes_stands_on_lines_that_parse_when_they_are_pasted(
    tmp_path: Path, columns: str
) -> None:
    """Of a record of 8 devices: fewer slices, other stages, a faster link."""
    _, out, _ = printed("explain", str(GPIPE), cwd=tmp_path, columns=columns)
    proposed = [line for line in out.decode().splitlines() if line.lstrip().startswith("pipebench ")]
    assert len(proposed) >= 3
    assert max(map(len, proposed)) > 80
    for line in proposed:
        _, name, *words = shlex.split(line)
        command = typer.main.get_command(application([name])).commands[name]  # type: ignore[attr-defined]
        command.make_context(name, words)
    assert out.decode().count("pipebench ") == len(proposed)
    first = next(line for line in proposed if line.lstrip().startswith("pipebench run "))
    ended = pasted(f"{first} --dry-run --json > dry-run", cwd=tmp_path)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("columns", ["40", "80"])
def test_the_whole_report_ends_with_a_command_that_is_pasted(tmp_path: Path, columns: str) -> None:
    _, out, _ = printed("show", str(GPIPE), "--all", cwd=tmp_path, columns=columns)
    (line,) = re.findall(r"^(?:next +)?(pipebench explain .*)$", out.decode(), flags=re.MULTILINE)
    ended = pasted(line, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")


def test_what_takes_more_launches_is_pasted(tmp_path: Path) -> None:
    few = [
        msgspec.structs.replace(each, launches=each.launches[:3])
        for each in (steady_record(), steady_record(1.1))
    ]
    save(tmp_path, a=few[0], b=few[1])
    _, out, _ = printed("compare", "a.json", "b.json", cwd=tmp_path, columns="80")
    (line,) = re.findall(r"^ +(pipebench run .*)$", out.decode(), flags=re.MULTILINE)
    ended = pasted(f"{line} --dry-run --json > dry-run", cwd=tmp_path)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("name", ["my results", "-it's $HOME\n天::", "a  b"])
def test_what_an_error_suggests_is_pasted(tmp_path: Path, name: str) -> None:
    save(tmp_path, a=steady_record())
    (tmp_path / name).mkdir()
    told = [
        printed(*arguments, cwd=tmp_path)[2].decode()
        for arguments in (
            ("show", "-o", name),
            ("compare", "latest", "latest", "-o", name),
            ("compare", "--by", "gpus", f"./{name}"),
            ("list", f"./{name}"),
        )
    ]
    assert all("make one with pipebench run --gpus 8 -o " in line for line in told)
    runs = {f"{suggested(line)} --dry-run --json > dry-run" for line in told}
    listed = printed("show", "20991231", "-o", name, cwd=tmp_path)[2].decode()
    lists = re.findall(r"\((pipebench list .*)\), or latest", listed)
    assert len(lists) == 1
    ended = pasted(*runs, *lists, cwd=tmp_path)
    assert ended.code == 0, ended.err


def test_what_is_said_of_baselines_is_pasted(tmp_path: Path) -> None:
    save(tmp_path / "my runs", a=steady_record())
    arguments = ("my runs/a.json", "--name", "main", "--reason", "it's good\n'quoted'")
    none = printed("baseline", "list", cwd=tmp_path)[2].decode()
    first = printed("baseline", "promote", *arguments, cwd=tmp_path)[2].decode()
    how = none[none.index("pipebench ") :].removesuffix(" says how to save one\n")
    ended = pasted(how, suggested(first), cwd=tmp_path)
    assert ended.code == 0, ended.err
    again = printed("baseline", "save", *arguments, cwd=tmp_path)[2].decode()
    shown = printed("show", "main", cwd=tmp_path)[2].decode()
    missing = printed("check", "my runs/a.json", "--against", "none", cwd=tmp_path)[2].decode()
    ended = pasted(suggested(again), suggested(shown), suggested(missing), cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "it's good" in ended.out


def test_it_is_called_as_it_was_where_its_name_leads_nowhere(tmp_path: Path) -> None:
    place = tmp_path / "an empty folder"
    place.mkdir()
    changed = environment(PATH="/usr/bin:/bin")
    for start in ([str(COMMAND)], [sys.executable, "-m", "pipebench"]):
        ended = subprocess.run(
            [*start, "show", "latest"], cwd=place, env=changed, capture_output=True, text=True, check=False
        )
        line = ended.stderr[ended.stderr.index("make one with ") + 14 :].strip()
        assert shlex.split(line)[: len(start)] == start
        subprocess.run([*shlex.split(line), "--dry-run", "--json"], cwd=place, env=changed, check=True)


def test_the_first_steps_of_a_template_start_in_its_folder(tmp_path: Path) -> None:
    name = "my it's repository"
    out = printed("init", "ci", "gitlab", "-o", name, "--sides", "refs", cwd=tmp_path)[1].decode()
    (line,) = re.findall(r"^ +(cd .*)$", out, flags=re.MULTILINE)
    assert pasted(f"{line}\npwd", cwd=tmp_path).out == f"{tmp_path / name}\n"
    assert "cd " not in printed("init", "ci", "gitlab", "--sides", "refs", cwd=tmp_path)[1].decode()


COMMANDS = (
    "run",
    "simulate",
    "show",
    "list",
    "compare",
    "check",
    "ab",
    "guard",
    "calibrate",
    "history",
    "init",
    "baseline",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_help_stand_on_one_line_and_parse(tmp_path: Path, name: str) -> None:
    module = import_module(f"pipebench.cli.{'list_' if name == 'list' else name}")
    examples = re.findall(r"^    (pipebench .*)$", inspect.getsource(module), flags=re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example)
        group = {"init", "baseline"} & {name}
        shown = printed(name, *(words[2:3] if group else ()), "--help", cwd=tmp_path, columns="80")[
            1
        ].decode()
        assert example in [line.strip() for line in shown.splitlines()]
        command = typer.main.get_command(application([name])).commands[name]  # type: ignore[attr-defined]
        if group:
            command, words = command.commands[words[2]], words[1:]
        command.make_context(name, words[2:])


def test_the_examples_of_the_whole_help_parse(tmp_path: Path) -> None:
    shown = printed("--help", cwd=tmp_path, columns="80")[1].decode()
    examples = [line.strip() for line in shown.splitlines() if line.strip().startswith("pipebench ")]
    assert len(examples) == 4
    for example in examples:
        _, name, *words = shlex.split(example)
        command = typer.main.get_command(application([name])).commands[name]  # type: ignore[attr-defined]
        command.make_context(name, words)
