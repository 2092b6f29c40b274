"""What a word is, in texts of many scripts, through the installed command."""

import json
import random
from pathlib import Path

import pytest

from tests.cli.conftest import Pipebench
from tests.cli.texts import SMALL, run


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
    shown = " ".join(pipebench("show", str(stored), "--all").out.split())
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


def test_letters_are_no_remedy_where_words_are_letters(pipebench: Pipebench, tmp_path: Path) -> None:
    letters = random.Random(1).choices([chr(0x4E00 + each) for each in range(20_000)], k=30_000)
    (tmp_path / "han.txt").write_text("".join(letters))
    _, record = run(pipebench, tmp_path, "--text", str(tmp_path / "han.txt"))
    (warning,) = [each for each in record["warnings"] if each["code"] == "unknown-words"]
    assert warning["next_step"].startswith("use a larger --vocab: --vocab ")


@pytest.mark.parametrize("tokens", ["words", "characters"])
def test_flags_in_a_row_are_counted_in_no_time(pipebench: Pipebench, tmp_path: Path, tokens: str) -> None:
    (tmp_path / "flags.txt").write_text("\U0001f1e9\U0001f1ea" * 40_000)
    _, record = run(pipebench, tmp_path, "--text", str(tmp_path / "flags.txt"), "--tokens", tokens)
    assert record["config"]["input"]["tokens"] == 40_000
