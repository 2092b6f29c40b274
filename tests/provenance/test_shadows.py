import os
import sys
from pathlib import Path

import pytest

from pipebench.provenance.shadows import shadowed

FILES = (
    *("__init__.py", "layers.py", "setup.py", "src/package/__init__.py", "src/package/deep/layers.py"),
    *("libs/inner/pyproject.toml", "libs/inner/inner/__init__.py", "docs/utils.py", ".hidden/setup.py"),
    *(".hidden/secret.py", "bench/model.py"),
)


@pytest.fixture
def own(tmp_path: Path) -> str:
    for name in FILES:
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).touch()
    return os.path.realpath(tmp_path / "own")


@pytest.mark.parametrize(
    ("name", "path", "found"),
    [
        ("package", "/x/package/__init__.py", "src/package/__init__.py"),
        ("package", "/x/package/__init__.pyc", "src/package/__init__.py"),
        ("package.deep.layers", "/x/package/deep/layers.py", "src/package/deep/layers.py"),
        ("inner", "/x/inner/__init__.py", "libs/inner/inner/__init__.py"),  # a project in the repository
        ("layers", "/x/layers.py", "layers.py"),  # the top is a root, whatever lies there
        ("utils", "/x/utils.py", None),  # nobody imports from docs
        ("model", "/x/model.py", None),
        ("package", "/x/package", None),
        ("package.fast", "/x/package/fast.so", None),
        ("secret", "/x/secret.py", None),
        ("other", "/x/other.py", None),
    ],
)
def test_a_module_of_the_checkout_s_name_is_found(own: str, name: str, path: str, found: str | None) -> None:
    assert shadowed(name, path, own) == found


def test_a_folder_on_the_path_is_a_root_too(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, f"{own}/bench"])
    assert shadowed("model", "/x/model.py", own) == "bench/model.py"


@pytest.mark.parametrize(("name", "found"), [("layers", None), ("package", "src/package/__init__.py")])
def test_of_what_is_installed_only_packages_count(own: str, name: str, found: str | None) -> None:
    assert shadowed(name, f"/x/site-packages/{name}.py", own, packages_only=True) == found
