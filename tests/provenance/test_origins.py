"""Which modules a side of an ``ab`` may have imported, on modules that are made up."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.provenance import origins
from pipebench.provenance.origins import Origins

Imported = Callable[..., None]


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Imported:
    """Pretends that a module of this name was imported from a file below ``tmp_path``, with this path if a package."""

    def put(name: str, file: str | None, *parts: str) -> None:
        module = ModuleType(name)
        if file is not None:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            module.__file__ = str(tmp_path / file)
        if parts:
            module.__path__ = [str(tmp_path / part) for part in parts]
        monkeypatch.setitem(sys.modules, name, module)

    return put


@pytest.fixture(autouse=True)
def side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is a side; its checkout lies in the working tree, as with a TMPDIR there."""
    told = Origins(
        own=f"{tmp_path}/top/tmp/own",
        top=f"{tmp_path}/top",
        foreign=(f"{tmp_path}/top", f"{tmp_path}/other"),
        shared=True,
    )
    monkeypatch.setenv(origins.VARIABLE, told.encoded())
    assert origins.told() == told


def refused() -> str:
    with pytest.raises(EnvironmentRefusedError) as raised:
        origins.check()
    return str(raised.value)


def test_a_copy_on_the_path_is_none_of_the_side_s_own(tmp_path: Path, imported: Imported) -> None:
    """Though it is neither installed nor below the working tree."""
    (tmp_path / "top/tmp/own/src/package").mkdir(parents=True)
    for name in ("__init__.py", "layers.py"):
        (tmp_path / "top/tmp/own/src/package" / name).touch()
    imported("mine", "top/tmp/own/mine.py")
    imported("layers", "elsewhere/layers.py")  # the checkout's is package.layers, another name
    origins.check()
    imported("package.layers", "copy/package/layers.py")
    assert "copy/package/layers.py, in place of src/package/layers.py of this side's checkout" in refused()


@pytest.mark.parametrize("file", ["site-packages/package/__init__.py", "venv/src/package/__init__.py"])
def test_a_copy_that_is_installed_without_a_word_is_none_either(
    tmp_path: Path, imported: Imported, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Of a project without a name, or put below the interpreter's folder. An interpreter of one side may have it."""
    (tmp_path / "top/tmp/own/package").mkdir(parents=True)
    (tmp_path / "top/tmp/own/package/__init__.py").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    imported("mine", "top/tmp/own/mine.py")
    imported("package", file)
    assert "in place of package/__init__.py of this side's checkout" in refused()


def test_what_comes_from_the_checkout_and_from_installed_packages_is_good(imported: Imported) -> None:
    imported("mine", "top/tmp/own/mine.py")
    imported("installed", "top/.venv/lib/python3.11/site-packages/installed.py")
    imported("elsewhere", "elsewhere/x.py")
    imported("made_up", None)
    imported("relative", None)
    sys.modules["relative"].__file__ = "_relative.py"  # as torch has some
    origins.check()


@pytest.mark.parametrize(
    ("file", "parts"),
    [
        ("top/src/lib/__init__.py", ["top/src/lib"]),
        ("other/lib.py", []),
        ("top/tmp/own2/lib.py", []),
        (None, ["top/tmp/own/lib", "top/lib"]),
        ("top/tmp/own/lib/__init__.py", ["top/tmp/own/lib", "other/lib"]),
    ],
)
def test_what_comes_from_elsewhere_in_the_repository_is_refused_by_name(
    imported: Imported, tmp_path: Path, file: str | None, parts: list[str]
) -> None:
    imported("mine", "top/tmp/own/mine.py")
    imported("lib", file, *parts)
    text = refused()
    assert text.startswith(f"module lib comes from {tmp_path}/")
    assert "both sides would run the same code" in text
    assert "--a-python and --b-python" in text


def test_a_link_is_where_it_leads_to(imported: Imported, tmp_path: Path) -> None:
    (tmp_path / "top/src").mkdir(parents=True)
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages/lib").symlink_to(tmp_path / "top/src")
    imported("mine", "top/tmp/own/mine.py")
    imported("lib", "site-packages/lib/__init__.py")
    assert f"module lib comes from {tmp_path}/top/src/__init__.py" in refused()


def test_nothing_from_the_checkout_is_no_side(imported: Imported, tmp_path: Path) -> None:
    imported("elsewhere", "elsewhere/x.py")
    assert f"no module comes from this side's checkout of {tmp_path}/top" in refused()


def test_a_package_that_has_its_own_ways_is_no_matter(
    imported: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    imported("mine", "top/tmp/own/mine.py")
    monkeypatch.setitem(sys.modules, "odd", Odd("odd"))
    monkeypatch.setitem(sys.modules, "blocked", None)
    odd = ModuleType("unlisted")
    odd.__path__ = 3  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "unlisted", odd)
    origins.check()


def test_a_copy_that_is_installed_for_both_is_refused_and_for_one_it_is_that_sides(
    imported: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "site-packages"
    (packages / "lib-1.dist-info").mkdir(parents=True)
    (packages / "lib-1.dist-info/METADATA").write_text("Name: lib\nVersion: 1\n")
    (packages / "lib-1.dist-info/RECORD").write_text("lib.py,,\n")
    (packages / "lib-1.dist-info/direct_url.json").write_text(f'{{"url": "file://{tmp_path}/top"}}')
    monkeypatch.syspath_prepend(str(packages))
    imported("mine", "top/tmp/own/mine.py")
    imported("lib", "site-packages/lib.py")
    assert f"a copy of what is in {tmp_path}/top" in refused()
    alone = Origins(own=f"{tmp_path}/top/tmp/own", top=f"{tmp_path}/top", foreign=(), shared=False)
    monkeypatch.setenv(origins.VARIABLE, alone.encoded())
    origins.check()


def test_an_error_that_a_module_from_elsewhere_may_have_caused_is_told_as_that(
    imported: Imported, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="mine"), origins.checked():
        raise UsageError("mine")  # nothing is loaded where loading failed
    imported("lib", "top/src/lib.py")
    with pytest.raises(EnvironmentRefusedError, match="module lib"), origins.checked():
        raise UsageError("cannot import name new")


def test_without_the_variable_nothing_is_checked_and_another_text_is_refused(
    imported: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported("lib", "top/src/lib.py")
    for text in ("{}", "x"):
        monkeypatch.setenv(origins.VARIABLE, text)
        assert "is for pipebench ab alone" in refused()
    monkeypatch.delenv(origins.VARIABLE)
    origins.check()


def test_a_folder_whose_name_is_no_text_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = os.fsdecode(b"/caf\xe9")
    told = Origins(own=odd, top=odd, foreign=(odd,), shared=False)
    monkeypatch.setenv(origins.VARIABLE, told.encoded())
    assert origins.told() == told
