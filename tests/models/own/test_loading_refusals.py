"""A reference, a file or a field that is wrong is refused in one line that says what and where."""

import os
import sys
from pathlib import Path

import pytest

from pipebench.errors import EnvironmentRefusedError, ExitCode, UsageError
from pipebench.models.own.last_word import last_word, one_line
from pipebench.models.own.loading import load
from pipebench.provenance.origins import VARIABLE, Origins
from tests.models.own.model_files import GOOD, written

pytestmark = pytest.mark.usefixtures("imports_undone")


def refused(reference: str) -> str:
    """The one line that ``load`` ends with."""
    with pytest.raises(UsageError) as raised:
        load(reference, seed=1)
    assert raised.value.exit_code == ExitCode.USAGE
    text = str(raised.value)
    assert text.startswith("--model ")
    assert text.isprintable()
    assert len(text) < 800
    assert "last_word.py" not in text
    assert "loading.py" not in text
    return text


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("blocks.py", ["no :NAME", "FILE.py:NAME", "blocks.py:model"]),
        ("blocks.py:", ["no :NAME"]),
        (":m", ["no :NAME"]),
        ("blocks.py:a b", ["no :NAME"]),
        ("a:b.py", ["no :NAME"]),
        ("nowhere.py:m", ["no file nowhere.py in "]),
        ("deep/blocks:m", ["no file blocks", "there is blocks.py"]),
        ("deep/:m", ["deep is a folder", ".py file"]),
        ("./deep:m", ["deep is a folder", ".py file"]),
        ("deep/notes.txt:m", ["notes.txt is no .py file"]),
        ("no-module:m", ["neither a .py file nor a module"]),
        ("no_module:m", ["no module no_module"]),
        ("deep.no_module:m", ["no module deep.no_module"]),
        ("deep:m", ["deep has no .py file"]),
        ("sys:m", ["sys has no .py file"]),
        ("blocks.py:nothing", ["no nothing in blocks.py; it has: m, make, build"]),
        ("blocks:nothing", ["no nothing in blocks; it has: m, make, build"]),
        ("empty.py:m", ["no m in empty.py; it has no pipebench.Model"]),
        ("blocks.py:drawn", ["drawn is a list", "pipebench.Model"]),
        ("blocks.py:loss", ["loss needs arguments (output, target)"]),
        ("blocks.py:pipebench", ["pipebench is a module"]),
        ("other.py:layer", ["layer is a Linear"]),
        ("other.py:none", ["none returns None", "return"]),
        ("other.py:three", ["three returns an int"]),
        ("other.py:fails", ["ZeroDivisionError: division by zero (other.py, line 8)"]),
        ("null\0.py:m", ["null"]),
    ],
)
def test_what_is_wrong_with_a_reference(reference: str, words: list[str]) -> None:
    written(GOOD)
    written(GOOD, "deep/blocks.py")
    written("", "deep/notes.txt")
    written("", "empty.py")
    written(
        "from torch import nn\nlayer = nn.Linear(3, 3)\ndef none():\n    pass\ndef three():\n    return 3\n"
        "def fails():\n    return 1 / 0\n",
        "other.py",
    )
    text = refused(reference)
    for word in words:
        assert word in text


def test_the_example_of_a_missing_name() -> None:
    written("def build():\n    pass\n", "other.py")
    assert refused("other.py:m") == "--model other.py:m: no m in other.py; it has: build"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read() -> None:
    written(GOOD).chmod(0)
    assert "blocks.py cannot be read: permission denied" in refused("blocks.py:m")


def test_a_file_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    written(GOOD)
    monkeypatch.setattr(Path, "read_bytes", denied)
    assert "blocks.py cannot be read: permission denied" in refused("blocks.py:m")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n\ny = = 2\n", "SyntaxError: invalid syntax (blocks.py, line 3)"),
        ("def f():\nreturn 1\n", "(blocks.py, line 2)"),
        ("import nothing_here\n", "ModuleNotFoundError: No module named 'nothing_here' (blocks.py, line 1)"),
        ("\n\nraise ValueError('no such\\nbox\\x1b[31m')\n", "ValueError: no such box\\x1b[31m (blocks.py, line 3)"),
        ("\nraise RuntimeError\n", "RuntimeError (blocks.py, line 2)"),
        ("raise SystemExit(3)\n", "SystemExit: 3 (blocks.py, line 1)"),
        ("import sys\nsys.exit()\n", "SystemExit (blocks.py, line 2)"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt (blocks.py, line 1)"),
        ("class Odd(BaseException):\n    pass\nraise Odd('x')\n", "Odd: x (blocks.py, line 3)"),
        ("class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd", "Odd: its text cannot"),
        ("import json\njson.loads('{')\n", "JSONDecodeError"),
        ("import json\njson.loads('{')\n", "(blocks.py, line 2)"),
        ("import torch\n\ntorch.ones(2) @ torch.ones(3)\n", "(blocks.py, line 3)"),
        ("import pipebench\npipebench.Model()\n", "(blocks.py, line 2)"),
        ("x = 1\0\n", "null byte"),
        ("import sibling\n", "ValueError: in here (sibling.py, line 2)"),
    ],
)  # fmt: skip
def test_a_file_that_fails(text: str, words: str) -> None:
    written("\nraise ValueError('in here')", "sibling.py")
    written(text)
    assert words in refused("blocks.py:m")
    assert "blocks" not in sys.modules


def test_the_example_of_a_file_that_fails() -> None:
    written("\n" * 9 + "raise RuntimeError('no such checkpoint')")
    assert (
        refused("blocks.py:m") == "--model blocks.py:m: RuntimeError: no such checkpoint (blocks.py, line 10)"
    )


def test_a_module_that_fails() -> None:
    written("", "deep/__init__.py")
    written("\nraise RuntimeError('no such checkpoint')", "deep/blocks.py")
    assert "RuntimeError: no such checkpoint (blocks.py, line 2)" in refused("deep.blocks:m")


def test_a_long_message_is_cut() -> None:
    written("raise RuntimeError('long ' * 10**6)")
    assert "…" in refused("blocks.py:m")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ("layers=[]", "layers is empty"),
        ("layers=nn.Sequential()", "layers is empty"),
        ("layers=nn.Linear(3, 3)", "layers is a Linear"),
        ("layers='abc'", "layers is a str"),
        ("layers=(layer for layer in ())", "layers is a generator"),
        ("layers=[nn.Linear(3, 3), 7]", "layers[1] is an int"),
        (
            "layers=type('Net', (nn.Sequential,), {'forward': lambda self, x: x})(nn.ReLU())",
            "a forward of its own",
        ),
        ("batch_size=0", "batch_size is 0"),
        ("batch_size=True", "batch_size is a bool"),
        ("batch_size=2.0", "batch_size is a float"),
        ("loss=None", "loss is None"),
        ("batch=3", "batch is an int"),
        ("batch_dimension=-1", "batch_dimension is -1"),
        ("batch_dimension='0'", "batch_dimension is a str"),
        ("time_dimension=-1", "time_dimension is -1"),
        ("time_dimension=1.5", "time_dimension is a float"),
        ("time_dimension=0", "time_dimension and batch_dimension are both 0"),
        ("unit=''", "unit is empty"),
        ("unit='a\\nb'", "not on one line"),
        ("unit=None", "unit is None"),
        ("name='  '", "name is empty"),
        ("name=3", "name is an int"),
        ("optimizer='adam'", "optimizer is a str"),
        ("items=3", "items is an int"),
    ],
)
def test_a_field_that_is_wrong(changes: str, words: str) -> None:
    written(f"{GOOD}\ndef wrong():\n    return make({changes})\n")
    assert words in refused("blocks.py:wrong")


def test_the_last_word_of_an_error_without_a_place() -> None:
    assert last_word(ValueError("x")) == "ValueError: x"


def test_one_line() -> None:
    assert one_line("a\n b\t\x07c\ud800") == "a b \\x07c\\ud800"
    assert len(one_line("x" * 10**6)) == 300


def test_a_module_that_this_side_of_an_ab_must_not_import_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its being another one is why the file fails."""
    written("", "top/layers_of_top.py")
    monkeypatch.syspath_prepend(str(tmp_path / "top"))
    own, top = str(tmp_path / "own"), str(tmp_path / "top")
    told = Origins(own=own, top=top, foreign=(top,), shared=False)
    monkeypatch.setenv(VARIABLE, told.encoded())
    for name, line in (("good", "import layers_of_top"), ("bad", "from layers_of_top import Newer")):
        written(f"{line}\n{GOOD}", f"own/{name}_model.py")
        with pytest.raises(EnvironmentRefusedError, match=f"module layers_of_top comes from {top}/layers"):
            load(f"own/{name}_model.py:m", seed=1)


def test_what_the_working_tree_has_and_the_checkout_has_not_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("", "top/built_in_place.py")
    written(f"import built_in_place\n{GOOD}", "own/failing_model.py")
    told = Origins(own=str(tmp_path / "own"), top=str(tmp_path / "top"), foreign=(), shared=False)
    monkeypatch.setenv(VARIABLE, told.encoded())
    text = refused("own/failing_model.py:m")
    assert (
        "No module named 'built_in_place' (failing_model.py, line 1); built_in_place.py is in the work"
        in text
    )
