"""Commands stand whole on lines of their own, whatever the words before them."""

import shutil
import sys

import pytest

from pipebench.render.commands import Parted, parted, rows, unbroken
from pipebench.run.accuracy import HOW_TO_FIND_OUT

COMMAND = "pipebench run --gpus 8 --text 'a: b'"


def test_a_text_ends_with_its_command_behind_a_colon() -> None:
    assert parted(f"measure: with more: {COMMAND}") == Parted("measure: with more:", (COMMAND,))
    assert parted("run again; pipebench is not at fault") == Parted("run again; pipebench is not at fault")
    assert parted("A: another pipebench run beside it") == Parted("A: another pipebench run beside it")


def test_a_program_that_is_started_by_its_path_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/a b/pipebench"])
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert parted("again: '/a b/pipebench' show") == Parted("again:", ("'/a b/pipebench' show",))
    assert parted(f"again: {COMMAND}") == Parted("again:", (COMMAND,))  # in a record that another one wrote


def test_what_an_emulated_record_says_of_its_accuracy_is_two_commands() -> None:
    found = parted(f"unknown here (studied elsewhere); to find out: {HOW_TO_FIND_OUT}")
    assert found.words == "unknown here (studied elsewhere); to find out:"
    assert found.commands == (
        "pipebench run --gpus 2 --device cpu",
        "pipebench run --gpus 2 --device emulated --machine local",
    )


def test_a_fact_has_its_commands_below() -> None:
    (name, words), (below, command) = rows("warning", f"do it: {COMMAND}", "yellow")
    assert (name, str(words), below, str(command)) == ("warning", "do it:", "", COMMAND)
    assert not isinstance(words, str)
    assert words.style == "yellow"
    assert len(rows("warning", "do it")) == 1


def test_a_command_of_a_record_does_nothing() -> None:
    assert unbroken("a\x1b[2J\nb").plain == r"a\x1b[2J\nb"
    assert unbroken("a").no_wrap
