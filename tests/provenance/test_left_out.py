"""What a side's error says where the working tree has what the checkout lacks."""

import sys
from pathlib import Path

import pytest

from pipebench.provenance import origins
from pipebench.provenance.left_out import hint, is_pointer, why_left_out
from pipebench.provenance.origins import Origins


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working tree; this process stands in its checkout ``own``, whose folder ``src`` is on the path."""
    for name in ("top", "own"):
        (tmp_path / name / "src").mkdir(parents=True)
    told = Origins(own=str(tmp_path / "own"), top=str(tmp_path / "top"), foreign=(), shared=True)
    monkeypatch.setenv(origins.VARIABLE, told.encoded())
    monkeypatch.chdir(tmp_path / "own")
    monkeypatch.syspath_prepend(str(tmp_path / "own/src"))
    return tmp_path / "top"


def error_of(code: str) -> BaseException:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        exec(code, {})
    return raised.value


@pytest.mark.parametrize("name", ["left_out_built.so", "left_out_built.py", "left_out_built/__init__.py"])
def test_a_module_that_only_the_working_tree_has(top: Path, name: str) -> None:
    (top / "src" / name).parent.mkdir(exist_ok=True)
    (top / "src" / name).touch()
    said = hint(error_of("import left_out_built"))
    assert said.startswith("; src/left_out_built")
    assert "is in the working tree and not in this ref" in said
    assert "built in place" in said
    assert hint(error_of("import left_out_of_both")) == ""


def test_an_extension_that_a_package_imports_from_itself(top: Path, tmp_path: Path) -> None:
    for folder in (top, tmp_path / "own"):
        (folder / "src/left_out_package").mkdir()
        (folder / "src/left_out_package/__init__.py").write_text("from . import _C")
    (top / "src/left_out_package/_C.so").touch()
    assert "src/left_out_package/_C.so is in the working tree" in hint(error_of("import left_out_package"))


def test_a_module_of_a_package_that_only_the_working_tree_has(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (top, tmp_path / "own"):
        (folder / "src/left_out_other").mkdir()
        (folder / "src/left_out_other/__init__.py").touch()
    (top / "src/left_out_other/fast.so").touch()
    said = hint(error_of("import left_out_other.fast"))
    monkeypatch.delitem(sys.modules, "left_out_other")
    assert "src/left_out_other/fast.so" in said


def test_a_file_that_only_the_working_tree_has(top: Path, tmp_path: Path) -> None:
    (top / "weights.pt").touch()
    for name in ("weights.pt", f"{tmp_path}/own/weights.pt"):
        assert "weights.pt is in the working tree" in hint(error_of(f"open({name!r})"))
    assert hint(error_of("open('other.pt')")) == ""
    assert hint(error_of(f"open({str(tmp_path / 'x')!r})")) == ""
    assert hint(error_of("1 / 0")) == ""


def test_what_lies_in_a_submodule(top: Path) -> None:
    (top / "third/party").mkdir(parents=True)
    (top / "third/party/.git").touch()
    (top / "third/party/lib.py").touch()
    said = hint(error_of("open('third/party/lib.py')"))
    assert said == "; it lies in the submodule third/party, which a checkout of a ref leaves empty"


def test_outside_of_a_side_there_is_nothing_to_say(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (top / "weights.pt").touch()
    monkeypatch.delenv(origins.VARIABLE)
    assert hint(error_of("open('weights.pt')")) == ""


def test_why_the_working_tree_has_more(top: Path) -> None:
    assert why_left_out(top / "nothing.py", top) == ""


def test_a_pointer_of_git_lfs(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    (tmp_path / "b").write_text("import torch\n")
    assert is_pointer(tmp_path / "a")
    assert not is_pointer(tmp_path / "b")
