"""What the kinds of warnings are called, and that nobody calls one by another name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

import pipebench
from pipebench.records.schema import WarningRecord
from pipebench.warning_codes import WarningCode

ROOT = Path(pipebench.__file__).parent
MAKERS = {"WarningRecord", "Doubt"}


def test_a_code_is_a_name_of_plain_small_words() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in WarningCode)
    assert [code.name.lower().replace("_", "-") for code in WarningCode] == list(WarningCode)


def test_a_record_holds_the_name_and_reads_it_back() -> None:
    warning = WarningRecord(WarningCode.FEW_CORES, "a cause", "a step")
    document = msgspec.json.encode(warning)
    assert document == b'{"code":"few-cores","cause":"a cause","next_step":"a step"}'
    assert msgspec.json.decode(document, type=WarningRecord) == warning
    assert f"{warning.code}: {warning.cause}" == "few-cores: a cause"


def test_codes_of_another_version_are_read() -> None:
    document = b'{"code":"of-a-later-version","cause":"x","next_step":"y"}'
    assert msgspec.json.decode(document, type=WarningRecord).code == "of-a-later-version"


def codes_given(tree: ast.AST) -> Iterator[ast.expr]:
    """What warnings and doubts are made with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in MAKERS:
            yield from [*node.args[:1], *(each.value for each in node.keywords if each.arg == "code")][:1]
        if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith(".code"):
            yield from node.comparators


def test_the_program_takes_every_code_from_the_enumeration() -> None:
    given = [each for path in ROOT.rglob("*.py") for each in codes_given(ast.parse(path.read_text("utf-8")))]
    assert len(given) > 40
    assert [ast.unparse(each) for each in given if isinstance(each, ast.Constant)] == []


def test_every_code_is_used() -> None:
    texts = "\n".join(path.read_text("utf-8") for path in ROOT.rglob("*.py"))
    assert [code.name for code in WarningCode if f"WarningCode.{code.name}" not in texts] == []
