"""Options in a file: what it may hold, and how each mistake in it is told."""

from pathlib import Path

import pytest

from pipebench.config.config_file import FILE, PROJECT, SWITCH, Option, Table, is_switched_off, read
from pipebench.errors import UsageError

COMMANDS = ("run", "check", "baseline")
OPTIONS = {
    "gpus": Option("gpus", int),
    "devices": Option("gpus", int),
    "deadline": Option("deadline", float),
    "schedule": Option("schedule", str),
    "output": Option("folder", Path),
    "no-bucket": Option("no_bucket", bool),
    "lower-is-better": Option("higher_is_better", bool, inverted=True),
    "gate": Option("gate", str, repeatable=True),
}


def of_run(text: str, folder: Path) -> dict[str, object]:
    (folder / FILE).write_text(text, encoding="utf-8")
    table = read(folder)
    assert table is not None
    run = table.within("run", COMMANDS)
    return {} if run is None else run.values(OPTIONS)


def test_values_are_by_parameter_and_of_the_type_that_they_have(tmp_path: Path) -> None:
    text = """
        [run]
        gpus = 4
        deadline = 60
        schedule = "1f1b"
        output = "somewhere/else"
        no-bucket = true
        lower-is-better = true
        gate = ["speedup=3%", "words_per_s=5%"]
    """
    assert of_run(text, tmp_path) == {
        "gpus": 4,
        "deadline": 60,
        "schedule": "1f1b",
        "folder": "somewhere/else",
        "no_bucket": True,
        "higher_is_better": False,
        "gate": ["speedup=3%", "words_per_s=5%"],
    }


def test_another_command_s_table_is_not_this_one_s(tmp_path: Path) -> None:
    assert of_run("[check]\nwhatever = 1\n", tmp_path) == {}


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert of_run("\ufeff[run]\ngpus = 4\n", tmp_path) == {"gpus": 4}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[run]\ngpsu = 4", "[run] gpsu: no such option of run; did you mean gpus?"),
        ("[run]\n--gpus = 4", "[run] --gpus: no such option of run; did you mean gpus?"),
        ("[run]\nno_bucket = true", "[run] no_bucket: no such option of run; did you mean no-bucket?"),
        ("[run]\nxyz = 4", "[run] xyz: no such option of run; expected gpus, devices, deadline"),
        ("[run]\ngpus = 4.5", "[run] gpus: expected a whole number, found 4.5"),
        ("[run]\ngpus = true", "[run] gpus: expected a whole number, found true"),
        ('[run]\ngpus = "4"', '[run] gpus: expected a whole number, found the text "4"'),
        ('[run]\ndeadline = "1 h"', '[run] deadline: expected a number, found the text "1 h"'),
        ("[run]\nschedule = 1", "[run] schedule: expected text in quotes, found 1"),
        ("[run]\noutput = []", "[run] output: expected a path in quotes, found a list"),
        ("[run]\nno-bucket = 1", "[run] no-bucket: expected true or false, found 1"),
        ('[run]\ngate = "x=3%"', "[run] gate: expected a list, each entry text in quotes, found the text"),
        ("[run]\ngate = [1]", "[run] gate: expected a list, each entry text in quotes, found a list"),
        ("[run]\ngpus = {a = 1}", "[run] gpus: expected a whole number, found a table"),
        ("[run]\ngpus = 2026-11-27", "[run] gpus: expected a whole number, found 2026-11-27"),
        ('[run]\nschedule = "a\\u0000"', "[run] schedule: expected text without NUL"),
        ("[run]\ngpus = 4\ndevices = 4", "[run] devices: the same option as gpus: leave one out"),
        ("[rnu]\ngpus = 4", " rnu: no such command; did you mean run?"),
        ("gpus = 4", " gpus: no such command; expected run, check, baseline"),
        ("run = 4", " run: expected a table, found 4"),
        ("[run\ngpus = 4", " expected TOML: "),
        ("[run]\ngpus = " + 5000 * "9", " expected TOML: "),
        ("a = " + 5000 * "[", " expected TOML: "),
        ("[run]\ngpus = 0x" + 5000 * "f", "[run] gpus: expected a number of at most 9223372036854775807"),
        (
            "[run]\nschedule = 0x" + 5000 * "f",
            "[run] schedule: expected text in quotes, found a number with many",
        ),
    ],
)
def test_a_mistake_is_told_with_file_table_and_key(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        of_run(text, tmp_path)
    assert str(raised.value).startswith(f"{FILE}:{told}" if told.startswith(" ") else f"{FILE}: {told}")
    assert "\n" not in str(raised.value).strip()


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"[run]\n# \xff\n")
    with pytest.raises(UsageError, match=r"pipebench.toml: expected UTF-8 text, found another byte at 8"):
        read(tmp_path)


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(UsageError, match=r"pipebench.toml: expected a file"):
        read(tmp_path)


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    assert read(tmp_path / "nowhere") is None


def test_a_project_s_file_has_a_table_of_ours(tmp_path: Path) -> None:
    (tmp_path / PROJECT).write_text('[project]\nname = "x"\n[tool.pipebench.run]\ngpus = 4\ngpsu = 4\n')
    table = read(tmp_path)
    assert table is not None
    run = table.within("run", COMMANDS)
    assert run is not None
    with pytest.raises(UsageError, match=r"^pyproject.toml: \[tool.pipebench.run\] gpsu: no such option"):
        run.values(OPTIONS)


@pytest.mark.parametrize(
    "text",
    [
        "[project\nbroken",
        '[project]\ndependencies = ["pipebench"]',
        "[tool.pipebench]",
        "[tool]\nother = 1 # pipebench",
    ],
)
def test_a_project_s_file_without_one_is_somebody_else_s(text: str, tmp_path: Path) -> None:
    (tmp_path / PROJECT).write_text(text)
    assert read(tmp_path) is None


def test_our_own_file_counts_before_the_project_s(tmp_path: Path) -> None:
    (tmp_path / PROJECT).write_text("[tool.pipebench.run]\ngpus = 4\n")
    assert of_run("[run]\ngpus = 2\n", tmp_path) == {"gpus": 2}


def test_a_group_s_command_has_a_table_in_the_group_s() -> None:
    table = Table(FILE, (), {"baseline": {"save": {"gpus": 4}}})
    group = table.within("baseline", COMMANDS)
    assert group is not None
    assert group.within("save", ["save", "list"]) == Table(FILE, ("baseline", "save"), {"gpus": 4})
    with pytest.raises(UsageError, match=r"\[baseline\] save: no such command"):
        group.within("list", ["list"])


@pytest.mark.parametrize(("value", "off"), [("1", True), ("", False), (None, False)])
def test_a_variable_switches_it_off(value: str | None, off: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if value is not None:
        monkeypatch.setenv(SWITCH, value)
    assert is_switched_off() is off


@pytest.mark.parametrize("ours", [False, True])
def test_a_broken_project_file_is_ours_to_tell_only_if_it_has_our_table(ours: bool, tmp_path: Path) -> None:
    table = "[tool.pipebench.run]\n" if ours else ""
    (tmp_path / PROJECT).write_text(f'[project]\ndependencies = ["pipebench"]\n{table}name = \n')
    if not ours:
        assert read(tmp_path) is None
        return
    with pytest.raises(UsageError, match=r"pyproject.toml: expected TOML"):
        read(tmp_path)
