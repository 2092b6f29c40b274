"""The commands of the README and the pages under ``docs/`` print what is shown, and have the options that are named."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pipebench.cli.app import application
from pipebench.config import budget
from pipebench.config.config_file import FILE
from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.render.units import data_size
from pipebench.templates.filling import FIRING
from tests.cli.conftest import Pipebench
from tests.pages import PAGES, README, ROOT, TEXT, commands

BLOCKS = re.findall(r"```console\n\$ pipebench ([^\n]*)\n(.*?)```", TEXT, flags=re.DOTALL)
BEST = "results/best-schedule/20261127-150757-emulated8-wavefront-zb-c93356.json"
CONFIG = PAGES[ROOT / "docs" / "config-file.md"]
TOLD = re.findall(r"^pipebench: (?!error).*$", CONFIG, re.MULTILINE)
REFUSED = re.findall(r"^pipebench: error: .*$", CONFIG, re.MULTILINE)
WRONG = ("gpsu = 4", 'gpus = "4"')  # what the refusals on the page are of


def test_there_are_blocks_to_execute() -> None:
    assert [shlex.split(command)[0] for command, _ in BLOCKS] == ["show", "compare", "show", "show"]


@pytest.mark.parametrize(("command", "expected"), BLOCKS)
def test_every_command_with_its_output_is_true(pipebench: Pipebench, command: str, expected: str) -> None:
    """``| head -n LINES`` behind it is what a shell would do."""
    command, _, lines = command.partition(" | head -n ")
    ended = pipebench(*shlex.split(command), cwd=ROOT)
    assert ended.code == 0, ended.err
    assert "".join(ended.out.splitlines(keepends=True)[: int(lines) if lines else None]) == expected


def test_the_gate_that_it_promises_to_fire_fires(pipebench: Pipebench, tmp_path: Path) -> None:
    """Word for word what docs/in-ci.md and ``init ci`` tell a user to try."""
    assert f"\n{FIRING}\n" in TEXT
    ended = pipebench("ab", "--json", *shlex.split(FIRING)[2:], cwd=tmp_path)
    assert ended.code == 3, ended.err
    document = json.loads(ended.out)
    assert document["metrics"]["speedup"]["verdict"] == "regression"
    assert document["metrics"]["speedup"]["change"] < -0.1


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "schedules.md"], ids=lambda page: page.name)
def test_the_best_schedule_s_figures_are_those_of_its_record(page: Path) -> None:
    record = json.loads((ROOT / BEST).read_text())
    speedup = record["speedup"]
    claim = (
        f"**{speedup['value']:.2f}x** of 8",
        f"95 % interval {speedup['low']:.2f} to {speedup['high']:.2f} over {len(record['launches'])} launches",
        f"[its record]({'../' if page != README else ''}{BEST})",
    )
    text = " ".join(PAGES[page].split())
    assert [part for part in claim if part not in text] == []
    assert record["clock"] == "virtual"
    assert "(virtual; 95 %" in text


SCHEDULES_PAGE = " ".join(PAGES[ROOT / "docs" / "schedules.md"].split())


def test_the_bubbles_on_the_page_of_schedules_are_those_that_simulate_shows(pipebench: Pipebench) -> None:
    def bubble(*options: str) -> str:
        out = pipebench("simulate", *options).out
        return next(line.split()[1] for line in out.splitlines() if line.startswith("bubble"))

    halves = ("--backward-input", "1", "--backward-weight", "0.6")
    shown = [bubble("--schedule", name, *halves) for name in ("zb-h1", "1f1b", "wavefront-zb")]
    told = "the last command above shows {} %, and with `1f1b` {} %. `wavefront-zb` has almost none: {} %"
    assert told.format(*shown) in SCHEDULES_PAGE
    [command] = re.findall(r"pipebench (simulate --schedule zb-h1 --stages [^`]*)", SCHEDULES_PAGE)
    words = shlex.split(command)[1:]
    paper = [bubble(*words), bubble(*words[:1], "1f1b", *words[2:])]
    assert "`simulate` shows {} % and {} %.".format(*paper) in SCHEDULES_PAGE


@pytest.mark.parametrize("page", ["simulate.md", "commands.md"])
def test_the_cells_that_torch_would_misread_are_told_of(page: str) -> None:
    text = " ".join(PAGES[ROOT / "docs" / page].split())
    assert "actions on several slices" in text
    assert "`0W0.0-22`" in text


def test_what_split_cells_cost_is_what_its_benchmark_has() -> None:
    text = (ROOT / "benchmarks" / "split-lstm" / "README.md").read_text()
    rows = [
        [word.strip() for word in line.split("|")[1:-1]]
        for line in re.findall(r"^\| (?:256|512) .*", text, re.M)
    ]
    costs: dict[bool, list[float]] = {True: [], False: []}  # whether 64 sequences or more
    for row in rows:
        ratios = row[4:11] if len(row) == 12 else row[2:]  # all but the library's own seconds
        costs[int(row[1]) >= 64] += map(float, ratios)
    least, most = min(costs[True]), max(costs[True])
    worst = max(costs[False])
    told = f"costs {least:.2f} to {most:.2f} times as much as the fused one, with 16 or 32 up to {worst:.2f}"
    assert told in SCHEDULES_PAGE


def test_what_bounds_and_microbatches_save_is_what_a_dry_run_shows() -> None:
    def needed(**options: int) -> str:
        config = resolve(RunOptions(gpus=8, schedule="wavefront-zb", **options))
        assert config.partition is not None
        return (
            data_size(budget.device_memory(config, config.partition)[0].total)
            .removesuffix(" MiB")
            .removesuffix(".0")
        )

    alone, above = needed(), needed(most_alive=48)
    assert f"needs {alone} MiB, and {above} MiB with `--most-alive 48` too" in SCHEDULES_PAGE
    assert f"`--most-alive 32` it needs {needed(most_alive=32)} MiB" in SCHEDULES_PAGE
    both = "`--microbatches 4 --most-alive 32`"
    assert f"{both} {needed(microbatches=4, most_alive=32)} MiB" in SCHEDULES_PAGE


@pytest.mark.parametrize("words", [each for text in PAGES.values() for each in commands(text)], ids=" ".join)
def test_every_option_that_a_page_names_is_one(words: list[str]) -> None:
    """Read as far as the command's function, which is not called; behind ``--`` stand the options of ``run``."""
    last = words.index("--") if "--" in words else len(words)
    _read(words[:last] + ["--", "x"] * (last < len(words)))
    if words[0] in ("ab", "calibrate"):
        _read(["run", *words[last + 1 :]])


@pytest.mark.parametrize("row", re.findall(r"^\| `pipebench .*$", TEXT, re.MULTILINE))
def test_every_option_of_the_tables_of_commands_is_one(row: str) -> None:
    command, _ = _found(row.split("`")[1].split()[1:])
    named = [command, *getattr(command, "commands", {}).values()]
    known = {name for each in named for parameter in each.params for name in _names(parameter)}
    assert set(re.findall(r"--[a-z][a-z-]*", row)) - known == set()


def test_every_option_of_run_s_table_is_one() -> None:
    table = (
        PAGES[ROOT / "docs" / "commands.md"].partition("## The main options of run")[2].partition("\n## ")[0]
    )
    command, _ = _found(["run"])
    named = set(re.findall(r"--[a-z][a-z-]*", table))
    assert len(named) > 20
    assert named <= {name for parameter in command.params for name in _names(parameter)}


def _read(words: list[str]) -> None:
    """Raises typer's UsageError if something is no command, no option or no value of one."""
    command, rest = _found(words)
    command.make_context(command.name, rest)


def _names(parameter: Any) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]


def _found(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words begin with, of a group or of none, and the other words."""
    command: Any = typer.main.get_command(application([]))
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_the_line_about_a_file_is_told(pipebench: Pipebench, tmp_path: Path) -> None:
    [table] = re.findall(r"```toml\n(.*?)```", CONFIG, re.DOTALL)
    (tmp_path / FILE).write_text(table)
    assert pipebench("check", "latest", cwd=tmp_path).err.splitlines()[:1] == TOLD


@pytest.mark.parametrize(("line", "told"), [*zip(WRONG, REFUSED, strict=True)])
def test_the_mistakes_in_a_file_are_told(pipebench: Pipebench, line: str, told: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"[run]\n{line}\n")
    ended = pipebench("run", cwd=tmp_path)
    assert (ended.code, ended.err.splitlines()) == (2, [told])
