"""Texts as users have them, through the installed command: long, endless, in other scripts, or no texts at all."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import COMMAND, Ended, Pipebench, environment

SMALL = ("--preset", "tiny", "--launches", "1", "--steps", "1", "--gpus", "2", "--layers", "2")
WORDS = "the quick brown fox jumps over the lazy dog, and so on. "
MIB = 1 << 20


def run(pipebench: Pipebench, folder: Path, *options: str) -> tuple[Ended, dict[str, Any]]:
    """A small run to its end, and its record."""
    ended = pipebench("run", *SMALL, *options, "--json", "-o", str(folder / "runs"))
    assert ended.code == 0, ended.err
    return ended, json.loads(ended.out)


def refused(pipebench: Pipebench, path: Path) -> str:
    """The one line with which a text is refused, before anything is measured or left behind."""
    ended = pipebench("run", *SMALL, "--text", path.name, cwd=path.parent)
    assert (ended.code, ended.out) == (2, "")
    assert not (path.parent / "results").exists()
    (line,) = [line for line in ended.err.splitlines() if not line.startswith("  0% ")]
    return line


@pytest.fixture(scope="module")
def long_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long text.txt"
    with path.open("w") as file:
        for _ in range(48):
            file.write(WORDS * (MIB // len(WORDS)))
    return path


def test_of_a_long_text_the_first_part_is_read_and_the_record_says_so(
    pipebench: Pipebench, tmp_path: Path, long_text: Path
) -> None:
    _, record = run(pipebench, tmp_path, "--text", str(long_text))
    found = record["config"]["input"]
    assert (found["bytes_read"], found["whole"]) == (8 * MIB, False)
    assert found["words_per_step"] == 32 * 14  # those that follow the first one, and the end
    head = subprocess.run(
        f"head -c {8 * MIB} '{long_text}' | sha256sum", shell=True, capture_output=True, check=True
    )
    assert found["sha256"] == head.stdout.split()[0].decode()
    (path,) = (tmp_path / "runs").glob("*.json")
    shown = pipebench("show", str(path)).out
    assert "of the first 8.0 MiB of" in shown
    assert "0 % unknown" in " ".join(shown.split())


def test_a_long_text_takes_little_memory(tmp_path: Path, long_text: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (300 * MIB, 300 * MIB))

    arguments = [COMMAND, "run", *SMALL, "--dry-run", "--json", "--text", long_text]
    ended = subprocess.run(arguments, capture_output=True, env=environment(), preexec_fn=limit, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["unknown_share"] == 0.0


def test_an_endless_text_is_read_as_far_as_it_is_needed(pipebench: Pipebench, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with suppress(BrokenPipeError), pipe.open("w") as file:
            while True:
                file.write(WORDS)

    threading.Thread(target=write, daemon=True).start()
    assert pipebench("run", *SMALL, "--dry-run", "--text", str(pipe)).code == 0


def aborted(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*.json")
    record: dict[str, Any] = json.loads(path.read_text())
    assert (record["status"], record["launches"], record["config"]["text"]) == ("aborted", [], "pipe")
    return record


def test_a_text_that_does_not_come_is_ended_by_the_deadline(pipebench: Pipebench, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    began = time.monotonic()
    ended = pipebench("run", *SMALL, "--text", "pipe", "--deadline", "3", "-o", "runs", cwd=tmp_path)
    assert ended.code == 8
    assert 3 <= time.monotonic() - began < 30
    assert "  0% reading pipe" in ended.err
    assert "error: the deadline passed while reading pipe: give more time" in ended.err
    assert aborted(tmp_path / "runs")["failure"]["exit_code"] == 8


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_for_a_text(tmp_path: Path, number: int, code: int) -> None:
    os.mkfifo(tmp_path / "pipe")
    arguments = [COMMAND, "run", *SMALL, "--text", "pipe", "-o", "runs"]
    process = subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment())
    assert process.stderr is not None
    assert "reading pipe" in process.stderr.readline()  # it says so once it takes long
    began = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - began < 15
    aborted(tmp_path / "runs")


def test_the_deadline_ends_a_plan_that_takes_long_to_check(pipebench: Pipebench, tmp_path: Path) -> None:
    large = ("--layers", "64", "--gpus", "64", "--batch", "4096", "--microbatches", "4096")
    ended = pipebench("run", "--preset", "tiny", *large, "--deadline", "1", "--json", "-o", str(tmp_path))
    assert ended.code == 8
    assert "the deadline passed while " in ended.err
    assert json.loads(ended.out)["status"] == "aborted"
    dry = pipebench("run", "--preset", "tiny", *large, "--deadline", "1", "--dry-run")
    assert (dry.code, dry.out) == (8, "")


def test_a_plan_that_does_not_fit_in_memory_is_refused_before_it_is_made(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    large = ("--gpus", "64", "--layers", "64", "--batch", "67108864", "--microbatches", "67108864")
    ended = pipebench("run", *large, cwd=tmp_path)
    assert ended.code == 7
    assert "actions of the plan (computed)" in ended.err


def test_numbers_of_any_size_are_answered_at_once(pipebench: Pipebench, tmp_path: Path) -> None:
    missing = ("--text", "none.txt", "--gpus", "2")
    for options, words in (
        (("--batch", "1000000007", "--microbatches", "2"), "does not divide the batch of 1000000007"),
        (("--launches", "1000000"), "none.txt: cannot be read"),
        (("--layers", "2000000000", "--gpus", "2000000000"), "--layers must be at most 4096"),
        (("--hidden", "9999999999999999999999"), "--hidden must be at most 2147483647"),
    ):
        ended = pipebench("run", *missing, *options, cwd=tmp_path)
        assert (ended.code, words in ended.err) == (2, True), ended.err


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


def test_chinese_is_counted_by_character(pipebench: Pipebench, tmp_path: Path) -> None:
    path = tmp_path / "thousand.txt"
    path.write_text("天地玄黄宇宙洪荒，" * 5000 + "\n", encoding="utf-8")
    _, record = run(pipebench, tmp_path, "--text", str(path))
    found = record["config"]["input"]
    assert (found["tokens"], found["vocabulary"], found["unknown_share"]) == (45_000, 9, 0.0)
    assert (found["bytes_read"], found["whole"]) == (path.stat().st_size, True)
    assert "unknown-words" not in [warning["code"] for warning in record["warnings"]]


def test_many_unknown_words_are_told_and_warned_of(pipebench: Pipebench, tmp_path: Path) -> None:
    path = tmp_path / "rare.txt"
    often = "".join(f"s{number}\n" for number in range(196))
    path.write_text(often + "".join(f"x {n} {n + 1} {n + 2}\n" for n in range(0, 900, 3)))
    _, record = run(pipebench, tmp_path, "--text", str(path), "--tokens", "spaces")
    share = record["config"]["input"]["unknown_share"]
    assert record["config"]["tokens"] == "spaces"
    assert "as spaces separate them" in record["config"]["input"]["count_rule"]
    assert share == 0.75  # three of the four that each line predicts: its end is known
    (warning,) = [each for each in record["warnings"] if each["code"] == "unknown-words"]
    assert warning["cause"].startswith(f"{100 * share:.0f} % of the tokens have no id among 200")
    vocab = warning["next_step"].partition("--vocab ")[2].split()[0]
    again = pipebench(
        "run", *SMALL, "--text", str(path), "--tokens", "spaces", "--vocab", vocab, "--dry-run", "--json"
    )
    assert json.loads(again.out)["unknown_share"] <= 0.25  # as it was promised
    (stored,) = (tmp_path / "runs").glob("*.json")
    shown = " ".join(pipebench("show", str(stored)).out.split())
    assert f"{100 * share:.0f} % unknown" in shown
    assert "batch 32 x 16 tokens of" in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--tokens", "syllables"),
            "unknown --tokens 'syllables': expected one of words, characters, spaces",
        ),
        (("--tokens", "characters", "--synthetic"), "leave it out with --synthetic"),
    ],
)
def test_tokens_is_refused_where_it_means_nothing(
    pipebench: Pipebench, options: tuple[str, ...], words: str
) -> None:
    ended = pipebench("run", "--gpus", "2", *options)
    assert (ended.code, words in ended.err) == (2, True)


def test_a_side_s_text_is_a_file(pipebench: Pipebench, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sides = ("--a-run", "--schedule gpipe", "--b-run", "--schedule wavefront")
    for text in (("--text", "pipe"), ("--text=pipe",)):
        ended = pipebench("ab", *sides, "--", "--gpus", "2", *text, cwd=tmp_path)
        assert (ended.code, "--text pipe: expected a file" in ended.err) == (2, True)
    assert pipebench("calibrate", "--", "--text", "/dev/zero").code == 2


def test_a_side_that_prints_without_end_is_ended(pipebench: Pipebench, tmp_path: Path) -> None:
    endless = tmp_path / "python"
    endless.write_text("#!/bin/sh\nexec yes\n")
    endless.chmod(0o755)
    ended = pipebench(
        "ab", "--a-python", str(endless), "--b-python", str(endless), "--", "--gpus", "2", cwd=tmp_path
    )
    assert ended.code == 7
    assert "prints without end: expected a Python with pipebench" in ended.err


def test_a_name_that_is_no_text_is_refused(pipebench: Pipebench, tmp_path: Path) -> None:
    named = tmp_path / "bad\udcff.txt"
    named.write_text("A b c.\n")
    ended = pipebench("run", "--gpus", "2", "--text", str(named), cwd=tmp_path)
    assert ended.code == 2
    assert "expected a name in printable UTF-8; rename the file" in ended.err


def test_letters_are_no_remedy_where_words_are_letters(pipebench: Pipebench, tmp_path: Path) -> None:
    letters = random.Random(1).choices([chr(0x4E00 + each) for each in range(20_000)], k=30_000)
    (tmp_path / "han.txt").write_text("".join(letters))
    _, record = run(pipebench, tmp_path, "--text", str(tmp_path / "han.txt"))
    (warning,) = [each for each in record["warnings"] if each["code"] == "unknown-words"]
    assert warning["next_step"].startswith("use a larger --vocab: --vocab ")


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


@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_flags_in_a_row_are_counted_in_no_time(pipebench: Pipebench, tmp_path: Path, tokens: str) -> None:
    (tmp_path / "flags.txt").write_text("\U0001f1e9\U0001f1ea" * 40_000)
    _, record = run(pipebench, tmp_path, "--text", str(tmp_path / "flags.txt"), "--tokens", tokens)
    assert record["config"]["input"]["tokens"] == 40_000
