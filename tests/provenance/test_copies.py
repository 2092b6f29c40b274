from pathlib import Path

import pytest

from pipebench.provenance.copies import copies


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "packages"
    folder.mkdir()
    (tmp_path / "top").mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def install(packages: Path, name: str, url: str | None) -> None:
    """A distribution of one module, as pip leaves it."""
    place = packages / f"{name}-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (place / "RECORD").write_text(f"{name}.py,,\n")
    if url is not None:
        (place / "direct_url.json").write_text(url)


def test_what_was_installed_from_the_working_tree_is_a_copy(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    install(packages, "whole", f'{{"url": "file://{tmp_path}/top", "dir_info": {{}}}}')
    install(packages, "wheel", f'{{"url": "file://{tmp_path}/top/dist/wheel-1.whl"}}')
    install(packages, "other", f'{{"url": "file://{tmp_path}/else"}}')
    install(packages, "remote", '{"url": "https://example.org/top.git"}')
    install(packages, "odd", "[")
    install(packages, "strange", "3")
    install(packages, "index", None)
    found = copies(str(tmp_path / "top"))
    assert found.files == {str(packages / "whole.py"), str(packages / "wheel.py")}
    assert found.folders == (str(tmp_path / "top"),)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[project]\nname = "My.Lib"\n'),
        ("pyproject.toml", '[tool.poetry]\nname = "my-lib"\n'),
        ("setup.cfg", "[metadata]\nname = my_lib\n"),
    ],
)
def test_a_package_of_the_projects_name_is_one_wherever_it_is_from(
    packages: Path, tmp_path: Path, file: str, text: str
) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "top" / file).write_text(text)
    install(packages, "my_lib", f'{{"url": "file://{tmp_path}/clone", "dir_info": {{"editable": true}}}}')
    install(packages, "other", None)
    found = copies(str(tmp_path / "top"))
    assert found.files == {str(packages / "my_lib.py")}
    assert found.folders == (str(tmp_path / "clone"),)


@pytest.mark.parametrize("text", ["[", "[project]\nname = 3\n", "tool = 3\n"])
def test_a_project_without_a_name_has_no_copies_by_name(packages: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "top/pyproject.toml").write_text(text)
    (tmp_path / "top/setup.cfg").write_text("no section\n")
    install(packages, "index", None)
    assert copies(str(tmp_path / "top")) == (frozenset(), ())
