"""What is typed takes the place of what it excludes, where that stands in a file."""

import json
from pathlib import Path

import pytest
import typer

from pipebench.cli.app import application
from pipebench.cli.rivals import RIVALS
from pipebench.config.config_file import FILE
from tests.builders import steady_record
from tests.cli.inside import printed
from tests.cli.saved import save
from tests.cli.tomls import DRY, TINY, config, planned


@pytest.mark.parametrize(
    ("given", "arguments", "expected"),
    [
        ("quick = true", ["--rigorous"], {"--quick": False, "--rigorous": True, "--launches": 12}),
        ("launches = 4", ["--quick"], {"--launches": 3}),
        ("quick = true", ["--launches", "5"], {"--quick": False, "--launches": 5}),
        ('machine = "2014"', ["--device", "cpu"], {"--device": "cpu"}),
        ('device = "cpu"', ["--machine", "2014"], {"--machine": "2014", "--device": "auto"}),
    ],
)
def test_what_is_typed_takes_the_place_of_what_it_excludes(
    given: str, arguments: list[str], expected: dict[str, object], tmp_path: Path
) -> None:
    found = planned(config(tmp_path, TINY + given), *arguments)
    assert {option: found[option][0] for option in expected} == expected


def test_a_typed_text_takes_the_place_of_synthetic_words(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("one two three four\n" * 500)
    found = planned(config(tmp_path, TINY), "--text", str(text))
    assert (found["--synthetic"], found["--text"]) == ((False, "default"), (str(text), "command line"))


def test_what_contradicts_itself_in_the_file_is_refused(tmp_path: Path) -> None:
    code, _, err = printed(*DRY, cwd=config(tmp_path, TINY + "quick = true\nrigorous = true"))
    assert code == 2
    assert err.decode().splitlines() == [
        f"pipebench: {FILE} [run] gives --preset, --synthetic, --gpus, --quick, --rigorous",
        "pipebench: error: --quick and --rigorous exclude each other: leave one out",
    ]


def test_a_launcher_s_ranks_count_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config(tmp_path, TINY + 'quick = true\nmachine = "2014"')
    for rank in ("0", "1"):
        for name in ("RANK", "LOCAL_RANK"):
            monkeypatch.setenv(name, rank)
        monkeypatch.setenv("WORLD_SIZE", "4")
        monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
        monkeypatch.setenv("MASTER_PORT", "29500")
        code, out, err = printed(*DRY, "--device", "cpu", cwd=tmp_path)
        assert code == 0, err
        if rank == "0":
            assert json.loads(out)["config"]["gpus"] == 4
            assert err.decode() == f"pipebench: {FILE} [run] gives --preset, --synthetic\n"
        else:
            assert (out, err) == (b"", b"")


@pytest.mark.parametrize(
    ("line", "text", "code"),
    [
        ("simulate --csv", "[simulate]\njson = true", 0),
        ("simulate --json", "[simulate]\ncsv = true", 0),
        ("simulate --backward-input 1 --backward-weight 1", "[simulate]\nbackward = 5", 0),
        ("compare a.json a.json --format md", "[compare]\njson = true", 0),
        ("compare a.json a.json --json", '[compare]\nformat = "md"', 0),
        ("check --self-test", '[check]\njunit = "x.xml"\nallow-inconclusive = true', 0),
        ("show --schema", "[show]\njson = true", 0),
        ("show a.json --json", "[show]\nschema = true", 0),
    ],
)
def test_other_commands_have_such_options_too(line: str, text: str, code: int, tmp_path: Path) -> None:
    save(config(tmp_path, text), a=steady_record())
    found, _, err = printed(*line.split(), cwd=tmp_path)
    assert (found, FILE in err.decode()) == (code, False), err


def test_all_names_are_parameters_of_the_command() -> None:
    group = typer.main.get_command(application([]))
    assert isinstance(group, typer.core.TyperGroup)
    for command, all_groups in RIVALS.items():
        known = {parameter.name for parameter in group.commands[command].params}
        assert {name for groups in all_groups for each in groups for name in each} <= known, command
