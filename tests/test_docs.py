"""The README is short and leads to every page; every link of README and pages leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.pages import PAGES, README, ROOT, TEXT, anchors, broken, links

PLACES = ("*.md", "docs/*.md", "benchmarks/*/*.md", "examples/*/*.md")
DOCUMENTS = [path for place in PLACES for path in sorted(ROOT.glob(place))]
# A Python file; with a colon behind it, it is a model of the user's own.
FILE = re.compile(r"(?<![\w/.-])[\w/]+\.py\b(?!:\w)")
# Where a name stands, in either order: `name` in `file.py`, or `file.py`, `name`. A line may end in between.
_NAME, _IN_FILE = r"`(?P<name>(?!\w+\.py`)[A-Za-z_][\w.]*)`", r"`(?P<file>[\w/]+\.py)`"
PLACED = (re.compile(rf"{_NAME}\s+in\s+{_IN_FILE}"), re.compile(rf"{_IN_FILE},\s+{_NAME}"))
FORBIDDEN = {"utils.py"}  # CONTRIBUTING names it to say that there is none


def lost_files(text: str) -> list[str]:
    """The Python files that a text names and that are not there, from the repository or from ``pipebench/`` on.

    ``NAME`` in a path is any folder's: a file is there if some folder has it.
    """
    names = sorted(set(FILE.findall(text)) - FORBIDDEN)
    return [name for name in names if not any(there(root, name) for root in (ROOT, ROOT / "pipebench"))]


def there(root: Path, name: str) -> bool:
    return next(root.glob(name.replace("NAME", "*")), None) is not None


def lost_names(text: str) -> list[str]:
    """``file.py: name`` of each name that a text puts into a file below ``pipebench/`` that does not have it."""
    return [f"{file}: {name}" for file, name in placed_names(text) if not has(file, name)]


def placed_names(text: str) -> list[tuple[str, str]]:
    """The files, and the names that a text puts into them, in order."""
    return sorted({(found["file"], found["name"]) for each in PLACED for found in each.finditer(text)})


def has(file: str, name: str) -> bool:
    """Whether a file below ``pipebench/`` is there and has each word of a name, such as both of ``Job.beside``."""
    path = ROOT / "pipebench" / file
    words = re.findall(r"\w+", path.read_text(encoding="utf-8")) if path.is_file() else []
    return set(name.split(".")) <= set(words)


def test_the_readme_is_short() -> None:
    assert len(PAGES[README].splitlines()) <= 150


def test_the_readme_leads_to_every_page() -> None:
    targets = {README.parent / link for link in links(PAGES[README])}
    assert set(PAGES) - {README} <= targets


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_or_a_heading(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_every_file_that_is_named_is_there(name: str) -> None:
    assert lost_files((ROOT / name).read_text(encoding="utf-8")) == []


def test_a_file_that_is_gone_is_found() -> None:
    text = "`plan/graph.py`, (tests/test_docs.py), `models/NAME/kind.py`, no utils.py, bench/mine.py:model"
    assert lost_files(text) == []
    gone = "`graph.py`, `runtime/stage.py`\nmodels/NAME/gone.py and `plan/graph.pyc`"
    assert lost_files(gone) == ["graph.py", "models/NAME/gone.py", "runtime/stage.py"]


def test_every_name_stands_in_its_file() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(placed_names(text)) > 20
    assert lost_names(text) == []


def test_a_name_that_is_not_in_its_file_is_found() -> None:
    text = "`inputs_of` in `plan/dependence.py`, `errors.py`, `plan/graph.py`, `Graph.stages`"
    assert len(placed_names(text)) == 2
    assert lost_names(text) == []
    lost = "`MODEL` in\n`plan/graph.py`. 1. `run/recording.py`,\n   `record_of`: `Graph` in `plan/gone.py`"
    assert lost_names(lost) == ["plan/gone.py: Graph", "plan/graph.py: MODEL", "run/recording.py: record_of"]


def test_no_placeholder_is_left() -> None:
    assert "<!--" not in TEXT


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One `heading`: it's two\n```sh\n# no heading\n```\n")
    text = "[a](other.md) [b](other.md#one-heading-its-two) [c](https://x/y#z)\n```\n[d](code)\n```\n# Here\n[e](#here)"
    assert broken(tmp_path / "page.md", text) == []
    lost = "[a](no.md) [b](other.md#no-heading) ![several\nlines](no.svg) [c](#there)"
    assert broken(tmp_path / "page.md", lost) == ["no.md", "other.md#no-heading", "no.svg", "#there"]


def test_headings_are_named_as_github_names_them() -> None:
    assert anchors("# What if?\n## With `--model`\n") == {"what-if", "with---model"}
