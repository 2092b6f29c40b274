"""The README is short and leads to every page; every link of README and pages leads somewhere."""

from pathlib import Path

import pytest

from tests.pages import PAGES, README, ROOT, TEXT, anchors, broken, links

PLACES = ("*.md", "docs/*.md", "benchmarks/*/*.md", "examples/*/*.md")
DOCUMENTS = [path for place in PLACES for path in sorted(ROOT.glob(place))]


def test_the_readme_is_short() -> None:
    assert len(PAGES[README].splitlines()) <= 150


def test_the_readme_leads_to_every_page() -> None:
    targets = {README.parent / link for link in links(PAGES[README])}
    assert set(PAGES) - {README} <= targets


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_or_a_heading(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


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
