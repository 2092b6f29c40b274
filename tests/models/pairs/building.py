"""What the tests of pairs start from: what is asked, and catalogs as gettext compiles them."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipebench.models.text.asked import TokenRule

HEADER = "Project-Id-Version: test\nContent-Type: text/plain; charset={charset}\nPlural-Forms: nplurals=2; plural=n>1\n"


@dataclass(frozen=True)
class Asked:
    """2 pairs of at most 4 steps, 4 words of each side with an id of their own."""

    batch: int = 2
    sequence_length: int = 4
    vocab: int = 7
    source_vocab: int = 7
    source: str | None = None
    target: str | None = None
    pairs: str | None = None
    tokens: TokenRule = "words"
    bucket: bool = True
    seed: int = 0
    synthetic: bool = False


def mo(entries: Iterable[tuple[bytes, bytes]], *, order: str = "<", revision: int = 0) -> bytes:
    """A compiled catalog: head, two tables, all texts with a NUL behind each."""
    found = list(entries)
    start = 28
    place = start + 16 * len(found)
    tables, texts = ([], []), b""
    for side in (0, 1):
        for entry in found:
            tables[side].append(struct.pack(f"{order}2I", len(entry[side]), place + len(texts)))
            texts += entry[side] + b"\0"
    head = struct.pack(
        f"{order}7I", 0x950412DE, revision, len(found), start, start + 8 * len(found), 0, place
    )
    return head + b"".join(tables[0] + tables[1]) + texts


def catalog(
    translations: Iterable[tuple[str, str]],
    charset: str = "utf-8",
    *,
    said: str | None = None,
    order: str = "<",
) -> bytes:
    """A catalog in an encoding, which its header names; or it says another one."""
    header = HEADER.format(charset=said or charset)
    return mo(
        [(english.encode(charset), text.encode(charset)) for english, text in [("", header), *translations]],
        order=order,
    )


def write(path: Path, content: bytes) -> Path:
    """A file, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def files(folder: Path, *lines: str, **changes: object) -> Asked:
    """Two files of lines such as ``"a b > c"``, and what asks for them."""
    sides = [[line.split(">")[side] for line in lines] for side in (0, 1)]
    for name, side in zip(("a.en", "a.fr"), sides, strict=True):
        (folder / name).write_text("".join(f"{line}\n" for line in side), encoding="utf-8")
    return Asked(**({"source": str(folder / "a.en"), "target": str(folder / "a.fr")} | changes))
