"""What is suggested is taken by a shell word for word, whatever the names hold."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.render.inert import inert
from pipebench.system import pasting
from tests.builders import PROPERTY

ODD = (
    *("plain", "my results", "it's", 'say "x"', "$HOME", "a\nb", "*", "~", "a;b", "#a", "!x", "café 天", ""),
    *("a::b", "##[x]", "two  spaces", "\t", "back\\slash", "[a]", "\udcff", "`id`", "{a,b}", "\x1b[31m"),
)


def read_by_bash(line: str) -> list[bytes]:
    """The words that a shell makes of a line."""
    script = f"pipebench() {{ printf '%s\\0' \"$@\"; }}\n{line}\n"
    ended = subprocess.run(
        ["bash", "-c", script.encode("utf-8", "surrogateescape")], capture_output=True, check=True
    )
    return ended.stdout.split(b"\0")[:-1]


def test_a_shell_reads_every_word_as_it_is() -> None:
    line = pasting.command(*ODD)
    assert len(line.splitlines()) == 1
    assert read_by_bash(line) == [word.encode("utf-8", "surrogateescape") for word in ODD]


@PROPERTY
@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
def test_what_is_printed_is_what_was_meant(word: str) -> None:
    quoted = pasting.quoted(word)
    assert inert(quoted) == quoted  # nothing of it is escaped on its way


def test_letters_that_the_output_cannot_show_are_written_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    line = pasting.command("show", "café 天")
    assert line.isascii()
    assert read_by_bash(line) == [b"show", "café 天".encode()]


@pytest.mark.parametrize("word", ["latest~1", "HEAD~1", "a/b.json", "--gates=x_y=3%"])
def test_ordinary_words_stay_as_they_are(word: str) -> None:
    assert pasting.quoted(word) == word


def test_no_path_is_taken_for_an_option() -> None:
    assert pasting.path_word("-x/y") == "./-x/y"
    assert pasting.path_word(Path("x/-y")) == "x/-y"
    assert pasting.option("--text", "-x") == ["--text=-x"]
    assert pasting.option("--text", "x") == ["--text", "x"]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "my bin" / "pipebench"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_it_is_called_by_its_name_where_that_leads_to_it(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), "run"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert pasting.command("list") == f"'{script}' list"
    monkeypatch.setenv("PATH", str(script.parent))
    assert pasting.command("list") == "pipebench list"


def test_a_module_is_started_as_one_where_no_name_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "pipebench" / "__main__.py")])
    monkeypatch.setenv("PATH", "/nowhere")
    assert pasting.command("list") == f"{sys.executable} -m pipebench list"
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert pasting.command("list") == "pipebench list"
