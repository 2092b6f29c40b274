from pathlib import Path

import pytest

from pipebench.shadows import shadowed


@pytest.fixture
def own(tmp_path: Path) -> str:
    for name in (
        "src/package/__init__.py",
        "src/package/deep/layers.py",
        "bench/model.py",
        ".hidden/secret.py",
    ):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).touch()
    return str(tmp_path / "own")


@pytest.mark.parametrize(
    ("name", "path", "found"),
    [
        ("package", "/x/package/__init__.py", "src/package/__init__.py"),
        ("package.deep.layers", "/x/package/deep/layers.py", "src/package/deep/layers.py"),
        ("model", "/x/model.py", "bench/model.py"),
        ("deep.layers", "/x/deep/layers.py", None),  # a package's inside is no place to import from
        ("layers", "/x/layers.py", "src/package/deep/layers.py"),  # deep has no __init__.py: it could be one
        ("package", "/x/package", None),
        ("package.fast", "/x/package/fast.so", None),
        ("secret", "/x/secret.py", None),
        ("other", "/x/other.py", None),
    ],
)
def test_a_module_of_the_checkout_s_name_is_found(own: str, name: str, path: str, found: str | None) -> None:
    assert shadowed(name, path, own) == found
