"""What a user reads: the README and the pages under ``docs/``, and what is on them."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = {path: path.read_text(encoding="utf-8") for path in (README, *sorted(ROOT.glob("docs/*.md")))}
TEXT = "\n".join(PAGES.values())  # of all pages
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def links(text: str) -> list[str]:
    """The targets of links and pictures that lead to a file of the repository or to a heading.

    One that leads to another site is left out, and so is what stands in a block of code.
    """
    targets = re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", text))
    return [target for target in targets if "://" not in target]


def anchors(text: str) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path, text: str) -> list[str]:
    """The links of a page that lead to no file, or to no heading of a page."""
    return [target for target in links(text) if not _leads(page, text, target)]


def _leads(page: Path, text: str, target: str) -> bool:
    name, _, anchor = target.partition("#")
    there = page.parent / name
    if name and not there.exists():
        return False
    return not anchor or anchor in anchors(there.read_text(encoding="utf-8") if name else text)


def commands(text: str) -> list[list[str]]:
    """The words behind ``pipebench`` of each command in a block for the shell, without its remark."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("pipebench ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]
