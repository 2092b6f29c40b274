"""Pairs from gettext catalogs that this machine carries: what programs say in English, and in another language. Pure.

Catalogs of the system, of vim, and of Python's packages are read, in the order of their paths. A text needs five words
without its markup. They are counted by Unicode's rule, whatever rule the run has. A text that is not translated, or
that comes a second time with the same translation, is left out.
"""

import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipebench.errors import UsageError
from pipebench.models.pairs.markup import plain_text
from pipebench.models.pairs.mo import Entry, entries
from pipebench.models.pairs.origin import SentencePair, Told
from pipebench.models.text.asked import TokenRule
from pipebench.models.text.words import words_of
from pipebench.plurals import counted

FEWEST_WORDS = 5  # of the English text

_SYSTEM = ("/usr/share/locale", "/usr/share/locale-langpack", "/usr/local/share/locale")
_VIM = "/usr/share/vim"
_PACKAGES = "/usr/lib/python3/dist-packages"  # of the system's Python, even if another Python runs
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")
_MESSAGES = "LC_MESSAGES"
_NO_CATALOGS = re.compile(r"\.|__pycache__$|include$")  # folders that have none
_LANGUAGE = re.compile(r"[A-Za-z][\w@.-]*", re.ASCII)
_A_FEW = 8
_MOST_BYTES = 64 << 20  # of a catalog; the largest have 2 MB
_FILES = "--source FILE --target FILE"


def catalogs(language: str) -> list[Path]:
    """The catalogs of a language, by their paths."""
    folders = [folder for name, folder in _folders(language) if name == language]
    return sorted(file for folder in folders for file in _files(folder))


def languages() -> Counter[str]:
    """How many catalogs each language has."""
    found: Counter[str] = Counter()
    for name, folder in _folders("*"):
        found[name] += len(_files(folder))
    return +found


class Catalogs:
    """The texts of this machine's programs, with their translations into a language.

    Args:
        language: as gettext names it, such as ``fr`` or ``pt_BR``.
        rule: what a word is.
    """

    kind = "catalogs"
    more = "another language in --pairs"

    def __init__(self, language: str, rule: TokenRule) -> None:
        if not _LANGUAGE.fullmatch(language):
            raise UsageError(f"--pairs {language!a}: expected a language such as fr or pt_BR")
        self._language, self._rule = language, rule
        self._read = self._skipped = 0
        self._hash = hashlib.sha256()

    @property
    def none_found(self) -> str:
        """The error's text, for catalogs that have only short texts or cannot be read."""
        unread = f", {counted(self._skipped, 'catalog')} cannot be read" if self._skipped else ""
        return (
            f"--pairs {self._language}: {counted(self._read, 'catalog')} of this machine translate"
            f"{'s' if self._read == 1 else ''} no text of {FEWEST_WORDS} words or more{unread}; "
            f"{self._others()}"
        )

    def pairs(self) -> Iterator[SentencePair]:
        """Each text once with each of its translations.

        Raises:
            UsageError: This machine has no catalog of the language.
        """
        files = catalogs(self._language)
        if not files:
            raise UsageError(
                f"--pairs {self._language}: no catalog of this machine is in it; {self._meant()}{self._others()}"
            )
        seen: set[Entry] = set()
        for file in files:
            for entry in self._entries(file):
                words = words_of(entry.english, "words")
                if len(words) < FEWEST_WORDS or entry in seen:
                    continue
                seen.add(entry)
                self._hash.update("\0".join((*entry, "")).encode("utf-8", "surrogatepass"))
                source = words if self._rule == "words" else words_of(entry.english, self._rule)
                yield SentencePair(source, words_of(entry.translation, self._rule))

    def told(self) -> Told:
        """See ``Origin``; the hash is of the pairs' texts, so equal catalogs on another machine have the same one."""
        skipped = f" ({self._skipped} more cannot be read)" if self._skipped else ""
        text = f"{counted(self._read, 'gettext catalog')}, English to {self._language}{skipped}"
        return Told(text, self._hash.hexdigest(), skipped=self._skipped)

    def _entries(self, file: Path) -> Iterator[Entry]:
        """What a file translates, without markup; nothing if it cannot be read."""
        try:
            if file.stat().st_size > _MOST_BYTES:
                raise ValueError("too large for a catalog")
            found = entries(file.read_bytes())
        except (OSError, ValueError):
            self._skipped += 1
            return
        self._read += 1
        for entry in found:
            plain = Entry(plain_text(entry.english), plain_text(entry.translation))
            if plain.translation and plain.english != plain.translation:
                yield plain

    def _meant(self) -> str:
        """A question whether a language with almost this name was meant, or the one that this is a variety of."""
        plain = re.split(r"[_@.-]", self._language)[0].lower()
        found = languages()
        meant = [name for name in found if name.lower() in (self._language.lower().replace("-", "_"), plain)]
        return f"did you mean {max(meant, key=len)}? else " if meant else ""

    def _others(self) -> str:
        """What to use instead: related languages first, then those with most catalogs."""
        found = languages()
        del found[self._language]
        if not found:
            return f"use {_FILES}"
        family = re.split(r"[_@.-]", self._language)[0]
        order = sorted(found, key=lambda name: (re.split(r"[_@.-]", name)[0] != family, -found[name], name))
        few = [f"{name} ({found[name]})" for name in order[:_A_FEW]]
        *first, last = [*few, f"{len(order) - _A_FEW} more"] if len(order) > _A_FEW else few
        others = f"{', '.join(first)} and {last}" if first else last
        return f"name a language that has catalogs: {others}, or use {_FILES}"


def _folders(language: str) -> Iterator[tuple[str, Path]]:
    """Languages, each with a folder of its catalogs; ``*`` is all of them."""
    system = [*map(Path, _SYSTEM), Path(sys.prefix, "share", "locale")]
    for root in [*system, *sorted(Path(_VIM).glob("*/lang"))]:
        for folder in root.glob(f"{language}/{_MESSAGES}"):
            yield folder.parent.name, folder
    packages = [_PACKAGES, *(folder for folder in sys.path if Path(folder).name in _PACKAGE_FOLDERS)]
    for root in sorted({Path(folder).resolve() for folder in packages}):
        for path, inner, _ in os.walk(root):
            if _MESSAGES in inner:
                yield Path(path).name, Path(path, _MESSAGES)
            inner[:] = [name for name in inner if not _NO_CATALOGS.match(name)]


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.glob("*.mo") if file.is_file()]
