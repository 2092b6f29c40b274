"""Files that are no UTF-8 text, through the installed command."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Pipebench
from tests.cli.texts import WORDS, refused, run


def test_a_byte_order_mark_is_no_part_of_the_first_word(pipebench: Pipebench, tmp_path: Path) -> None:
    one = b"\xef\xbb\xbfa b c.\n"
    (tmp_path / "two.txt").write_bytes(one + one)  # as cat puts files together
    _, record = run(pipebench, tmp_path, "--text", str(tmp_path / "two.txt"))
    assert (record["config"]["input"]["tokens"], record["config"]["input"]["vocabulary"]) == (8, 4)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WORDS.encode() + bytes(200_000), "byte 56 is NUL: looks like binary data"),
        (
            WORDS.encode("utf-16"),
            "byte 0 begins something else: looks like UTF-16; convert it first: iconv -f UTF-16",
        ),
        (
            WORDS.encode("utf-16-le"),
            "byte 1 is NUL: looks like UTF-16 (little-endian); convert it first: iconv",
        ),
        (
            "déjà vu".encode("latin-1"),
            "byte 1 (0xE9) is not: looks like Latin-1 or Windows-1252; convert it first",
        ),
        (
            b"\x1f\x8b\x08\x00\x00",
            "byte 0 begins something else: looks like gzip; convert it first: gzip -dc",
        ),
        (bytes(range(1, 32)) * 9, "234 of 279 letters are control characters, the first at byte 0"),
        (
            "sch\ufffdn ".encode() * 9,
            "9 of 54 letters are U+FFFD, the first at byte 3: it was decoded wrongly",
        ),
    ],
)
def test_what_is_no_text_is_refused(pipebench: Pipebench, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "no text.txt"
    path.write_bytes(content)
    assert words in refused(pipebench, path)


@pytest.mark.skipif(shutil.which("iconv") is None, reason="no iconv here")
def test_the_command_that_converts_a_text_works_as_it_is_printed(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    path = tmp_path / "it's  a::text.txt"
    path.write_bytes(WORDS.encode("utf-16"))
    command = refused(pipebench, path).partition("convert it first: ")[2]
    subprocess.run(command, shell=True, executable="/bin/bash", cwd=tmp_path, check=True)
    assert (tmp_path / f"{path.name}.utf8").read_text() == WORDS


def test_a_name_that_is_no_text_is_refused(pipebench: Pipebench, tmp_path: Path) -> None:
    named = tmp_path / "bad\udcff.txt"
    named.write_text("A b c.\n")
    ended = pipebench("run", "--gpus", "2", "--text", str(named), cwd=tmp_path)
    assert ended.code == 2
    assert "expected a name in printable UTF-8; rename the file" in ended.err


@pytest.mark.parametrize(
    ("content", "looks", "remedy"),
    [
        (
            "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι. ".encode("iso8859-7") * 9,
            "one byte a letter",
            "with iconv, whose",
        ),
        ("มนุษย์ทั้งหลายเกิดมามีอิสระ ".encode("utf-16-le") * 9, "UTF-16 (little-endian)", "iconv -f UTF-16LE"),
        ("Les élèves français ont été là. ".encode("utf-7") * 9, "UTF-7", "iconv -f UTF-7"),
        ("我们在这里说的是一个故事。\n".encode("hz") * 9, "HZ", "iconv -f HZ"),
    ],
)
def test_what_a_text_is_in_is_told_as_far_as_it_is_known(
    pipebench: Pipebench, tmp_path: Path, content: bytes, looks: str, remedy: str
) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    line = refused(pipebench, tmp_path / "text.txt")
    assert looks in line.partition("looks like ")[2]
    assert remedy in line


@pytest.mark.skipif(shutil.which("perl") is None, reason="the command is perl's")
def test_colours_of_a_terminal_are_taken_out_by_the_command(pipebench: Pipebench, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[K\x1b[m\n" * 200)
    line = refused(pipebench, tmp_path / "log.txt")
    assert "terminal colours" in line
    subprocess.run(["bash", "-c", line.partition("convert it first: ")[2]], cwd=tmp_path, check=True)
    assert (tmp_path / "log.txt.utf8").read_text() == "red green\n" * 200
