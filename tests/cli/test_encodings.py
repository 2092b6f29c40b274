"""Whatever a stream can show, and whatever names and records hold: all is printed, and the exit code is the same."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from pipebench.comparison import baselines
from pipebench.records.schema import WarningRecord
from tests.builders import steady_record
from tests.cli.conftest import Pipebench
from tests.cli.inside import printed
from tests.cli.saved import save
from tests.hostile import HOSTILE, hostile_record

ENCODINGS = ("ascii", "latin-1", "cp1252", "utf-16", "gbk", "shift_jis", "utf-8")
NAME = "café 天 😀.txt"
NO_TEXT = os.fsdecode(b"od\xff.json")
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TINY = ("--preset", "tiny", "--launches", "1", "--steps", "1", "--gpus", "2", "--layers", "2")

SHOWN = ("show", "show-hostile", "show-all", "show-hostile-all")

COMMANDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "show": (0, ("show", "a.json")),
    "show-all": (0, ("show", "a.json", "--all")),
    "show-hostile-all": (0, ("show", "hostile.json", "--all")),
    "show-json": (0, ("show", "a.json", "--json")),
    "show-hostile": (0, ("show", "hostile.json")),
    "list": (0, ("list", ".")),
    "list-json": (0, ("list", ".", "--json")),
    "no-text": (0, ("show", NO_TEXT)),
    **{
        f"compare-{form}": (0, ("compare", "a.json", "b.json", "--format", form))
        for form in ("table", "json", "md", "csv", "html", "junit", "github")
    },
    "compare-hostile": (5, ("compare", "a.json", "hostile.json")),
    "check": (3, ("check", "b.json", "--against", "a.json")),
    "check-missing": (9, ("check", "b.json", "--against", NAME)),
    "self-test": (0, ("check", "--self-test", "a.json")),
    "history": (0, ("history", "words_per_s", "runs")),
    "history-json": (0, ("history", "words_per_s", "runs", "--json")),
    "baseline-list": (0, ("baseline", "list")),
    "baseline-list-json": (0, ("baseline", "list", "--json")),
    "baseline-show": (0, ("baseline", "show", "main")),
    "baseline-verify": (10, ("baseline", "verify")),
    "simulate": (0, ("simulate", "--stages", "3")),
    "dry-run": (0, ("run", "--dry-run", "--gpus", "2")),
    "version": (0, ("--version",)),
    "no-command": (2, (NAME,)),
    "no-option": (2, ("show", f"--{NAME}")),
    "no-file": (2, ("show", NO_TEXT[:-1])),
    "bad-choice": (2, ("run", "--schedule", NAME)),
    **{
        f"help-{name}": (0, (name, "--help"))
        for name in (
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
        )
    },
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encodings") / "Größe 天"
    warning = WarningRecord("odd", f"{NAME} ▼ {HOSTILE[next(iter(HOSTILE))]}", "→ go on")
    record = steady_record(id="a-é-天-😀", warnings=[warning])
    named = msgspec.structs.replace(record, config=msgspec.structs.replace(record.config, text=NAME))
    other = steady_record(1.1, id="b-ß")
    save(folder, a=named, b=other, hostile=hostile_record())
    save(folder / "runs", one=named, two=other)
    (folder / NO_TEXT).write_bytes((folder / "a.json").read_bytes())
    (folder / f"broken-{NO_TEXT}").write_text("{")
    baselines.save(named, "main", f"because {NAME} ≠ ▲", folder / "results/baselines")
    odd = folder / "results/baselines" / os.fsdecode(b"od\xff")
    odd.mkdir()
    (odd / "x.json").write_text("{")
    return folder


def json_of(data: bytes, encoding: str) -> object:
    return json.loads(data.decode(encoding))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_stream_shows_all(place: Path, name: str) -> None:
    code, arguments = COMMANDS[name]
    for encoding in ENCODINGS:
        found, out, err = printed(*arguments, cwd=place, encoding=encoding, columns="80")
        assert found == code, (encoding, err)
        assert b"Traceback" not in err
        assert out.decode(encoding) or err.decode(encoding)
        if "json" in name:
            assert json_of(out, encoding) == json_of(printed(*arguments, cwd=place)[1], "utf-8")
        if (
            name == "compare-junit" and encoding != "utf-16"
        ):  # a tool reads it as the UTF-8 that it says it is
            assert ET.fromstring(out).find("properties") is not None
        if name == "compare-html" and encoding != "utf-16":
            assert "a-é-天-😀" in out.decode().replace("&#233;", "é").replace("&#22825;", "天").replace(
                "&#128512;", "😀"
            )
        if name in {*SHOWN, "compare-table", "history", "baseline-list"}:
            assert max(map(len, out.decode(encoding).splitlines())) <= 80


def test_what_an_encoding_has_is_shown_and_only_the_rest_is_written_out(place: Path) -> None:
    shown = {e: printed("show", "a.json", "--all", cwd=place, encoding=e)[1].decode(e) for e in ENCODINGS}
    assert "café 天 😀.txt" in shown["utf-8"]
    assert "café 天 😀.txt" in shown["utf-16"]
    assert r"café \u5929 \U0001f600.txt" in shown["latin-1"]
    assert r"caf\xe9 \u5929 \U0001f600.txt" in shown["ascii"]
    assert r"café 天 \U0001f600.txt" in shown["gbk"]
    assert r"caf\xe9 天 \U0001f600.txt" in shown["shift_jis"]


def test_a_file_is_written_as_utf_8_whatever_stdout_is(place: Path, tmp_path: Path) -> None:
    junit = tmp_path / "x.xml"
    arguments = ("check", NO_TEXT, "--against", "b.json", "--junit", str(junit))
    assert printed(*arguments, cwd=place, encoding="ascii")[0] == 0
    assert "a-é-天-😀" in junit.read_text(encoding="utf-8")
    assert printed("check", NO_TEXT[:-1], "--against", "b.json", "--junit", str(junit), cwd=place)[0] == 2
    assert r"od\xff.jso" in junit.read_text(encoding="utf-8")


@pytest.mark.parametrize("changes", [{"PYTHONIOENCODING": "ascii"}, C_LOCALE])
def test_a_run_of_a_text_with_an_odd_name_is_printed(
    pipebench: Pipebench, tmp_path: Path, changes: dict[str, str]
) -> None:
    (tmp_path / NAME).write_text("the cat sat on the mat. the dog ran! " * 60)
    ended = pipebench("run", *TINY, "--text", NAME, "-o", "größe", "--quiet", cwd=tmp_path, **changes)
    assert (ended.code, ended.out.isascii()) == (0, True), ended.err
    (path,) = (tmp_path / "größe").glob("*.json")
    assert json.loads(path.read_text(encoding="utf-8"))["config"]["text"] == NAME
    assert "next     pipebench explain $'gr\\xc3\\xb6\\xc3\\x9fe/" in ended.out
    again = pipebench("show", "größe", "--all", cwd=tmp_path, **C_LOCALE)
    assert (again.code, again.out.isascii(), again.err) == (0, True, "")
    assert r"--text caf\xe9 \u5929 \U0001f600.txt" in " ".join(again.out.split())


def test_a_reason_in_the_c_locale_is_text(pipebench: Pipebench, tmp_path: Path) -> None:
    save(tmp_path, a=steady_record())
    ended = pipebench("baseline", "save", "a.json", "--reason", NAME, cwd=tmp_path, **C_LOCALE)
    assert ended.code == 0, ended.err
    (saved,) = json.loads(pipebench("baseline", "list", "--json", cwd=tmp_path, **C_LOCALE).out)
    assert saved["reason"] == NAME
