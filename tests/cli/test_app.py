"""A command line loads the command that it names, and every command where it names none."""

import subprocess
import sys

import pytest
import typer

from pipebench.cli.app import application

COMMANDS = [
    "run",
    "simulate",
    "show",
    "explain",
    "trace",
    "list",
    "compare",
    "check",
    "ab",
    "guard",
    "calibrate",
    "history",
    "merge",
    "reproduce",
]
GROUPS = ["baseline", "init"]


def commands(*arguments: str) -> list[str]:
    group = typer.main.get_command(application(arguments))
    assert isinstance(group, typer.core.TyperGroup)
    return list(group.commands)


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
def test_a_command_is_there_alone(name: str) -> None:
    assert commands(name, "--help") == [name]


@pytest.mark.parametrize("arguments", [(), ("--help",), ("--version",), ("comparee",), ("--no", "compare")])
def test_whatever_names_no_command_knows_them_all(arguments: tuple[str, ...]) -> None:
    assert sorted(commands(*arguments)) == sorted([*COMMANDS, *GROUPS])


def test_the_modules_of_other_commands_are_not_imported() -> None:
    program = (
        "import sys; from pipebench.cli.main import run; run(['compare', 'no', 'no']); "
        "print(sorted(name for name in sys.modules if name.startswith('pipebench.cli.')))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == str(
        [
            f"pipebench.cli.{name}"
            for name in (
                *("app", "ci", "compare", "completing", "configured", "files", "given", "main", "no_effect"),
                "output",
            )
        ]
    )
