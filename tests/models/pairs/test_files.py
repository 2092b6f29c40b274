import hashlib
import os
import threading
from pathlib import Path

import pytest

from pipebench.errors import UsageError
from pipebench.models.pairs.files import ParallelFiles
from pipebench.models.text import reading
from pipebench.models.text.asked import TokenRule
from pipebench.models.text.reading import TextFile
from pipebench.system import encodings

Pairs = list[tuple[list[str], list[str]]]


def files(folder: Path, source: bytes | None, target: bytes | None) -> tuple[str, str]:
    """The names of two files, one of which may be missing."""
    for name, content in (("a.en", source), ("a.fr", target)):
        if content is not None:
            (folder / name).write_bytes(content)
    return str(folder / "a.en"), str(folder / "a.fr")


def read(
    folder: Path,
    source: bytes | None,
    target: bytes | None,
    *,
    most: int = 1 << 20,
    rule: TokenRule = "words",
) -> tuple[Pairs, ParallelFiles]:
    names = files(folder, source, target)
    origin = ParallelFiles(TextFile(names[0], most, "--source"), TextFile(names[1], most, "--target"), rule)
    return [tuple(pair) for pair in origin.pairs()], origin


def refused(folder: Path, source: bytes | None, target: bytes | None, *, most: int = 1 << 20) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder, source, target, most=most)
    return str(caught.value).replace(f"{folder}/", "")


def test_line_k_of_one_file_belongs_to_line_k_of_the_other(tmp_path: Path) -> None:
    pairs, origin = read(tmp_path, b"One. Two!\nthree\n", b"un, deux !\ntrois\n")
    assert pairs == [(["One", ".", "Two", "!"], ["un", ",", "deux", "!"]), (["three"], ["trois"])]
    told = origin.told()
    assert (told.text, told.bytes_read, told.whole) == ("two files, parallel by lines", 33, True)


@pytest.mark.parametrize(
    "source", [b"a\nb\n", b"a\nb", b"a\r\nb\r\n", encodings.BOM + b"a\nb\n", b"\ta \n b"]
)
@pytest.mark.parametrize("target", [b"c\nd\n", encodings.BOM + b"c\r\nd", b"c\nd\r\n"])
@pytest.mark.parametrize("rule", ["words", "characters", "spaces"])
def test_ends_of_lines_and_byte_order_marks_are_no_words(
    tmp_path: Path, source: bytes, target: bytes, rule: TokenRule
) -> None:
    assert read(tmp_path, source, target, rule=rule)[0] == [(["a"], ["c"]), (["b"], ["d"])]


@pytest.mark.parametrize("mark", ["\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_nothing_but_a_line_feed_ends_a_line(tmp_path: Path, mark: str) -> None:
    pairs, _ = read(tmp_path, f"a{mark}b\nc".encode(), b"d\ne", rule="spaces")
    assert pairs == [(["a", "b"], ["d"]), (["c"], ["e"])]


def test_an_empty_line_has_no_words_and_still_counts_as_a_line(tmp_path: Path) -> None:
    pairs, _ = read(tmp_path, b"a\n\n \nd\n", b"e\nf\n\n\n")
    assert pairs == [(["a"], ["e"]), ([], ["f"]), ([], []), (["d"], [])]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_it_does_not_matter_where_blocks_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(reading, "_BLOCK_BYTES", size)
    monkeypatch.setattr(reading, "_HEAD_BYTES", 1)
    source = "".join(f"line {number} é\r\n" for number in range(50))
    target = "".join(f"{number}\n" for number in range(50))
    pairs, _ = read(tmp_path, source.encode(), target.encode())
    assert pairs == [(["line", str(number), "é"], [str(number)]) for number in range(50)]


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        (b"a\nb\nc\n", b"d\ne\n", "--source a.en has 3 lines, --target a.fr has 2 lines"),
        (b"a\n", b"d\ne\n\n", "--source a.en has 1 line, --target a.fr has 3 lines"),
        (b"", b"d\n" * 2000, "--source a.en has 0 lines, --target a.fr has 2,000 lines"),
    ],
)
def test_unequal_numbers_of_lines_are_refused_with_both(
    tmp_path: Path, source: bytes, target: bytes, told: str
) -> None:
    assert refused(tmp_path, source, target) == (
        f"{told}: expected equally many, since each line of one makes a pair with the same line of the other; "
        "name two files that are parallel"
    )


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        (None, b"a\n", "--source a.en: cannot be read (No such file or directory); name an existing file"),
        (b"a\n", None, "--target a.fr: cannot be read (No such file or directory); name an existing file"),
        (b"a\n", b"caf\xe9\n", "--target a.fr: expected UTF-8, byte 3 (0xE9) is not: looks like Latin-1"),
        (b"PK\x03\x04", b"a\n", "--source a.en: expected text in UTF-8, byte 0 begins something else: "),
    ],
)
def test_a_file_that_is_no_text_is_refused_by_its_option(
    tmp_path: Path, source: bytes | None, target: bytes | None, problem: str
) -> None:
    assert refused(tmp_path, source, target).startswith(problem)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.fr").mkdir()
    assert "--target a.fr: cannot be read (Is a directory)" in refused(tmp_path, b"a\n", None)


@pytest.mark.parametrize(("most", "number"), [(9, 1), (10, 2), (14, 2), (15, 3), (1000, 4)])
def test_of_long_files_the_first_part_is_read_and_no_pair_is_cut(
    tmp_path: Path, most: int, number: int
) -> None:
    source, target = b"a b\nc d\ne f\ng h\n", b"aaaa\nbbbb\ncccc\ndddd\n"
    pairs, origin = read(tmp_path, source, target, most=most)
    whole = [(["a", "b"], ["aaaa"]), (["c", "d"], ["bbbb"]), (["e", "f"], ["cccc"]), (["g", "h"], ["dddd"])]
    assert pairs == whole[:number]
    told = origin.told()
    read_bytes = [source[:most], target[:most]]
    assert told.bytes_read == sum(map(len, read_bytes))
    assert told.whole == (most > 20)
    hashes = "".join(f"{hashlib.sha256(part).hexdigest()}\n" for part in read_bytes)
    assert told.sha256 == hashlib.sha256(hashes.encode()).hexdigest()


def test_a_part_with_more_lines_than_the_other_file_has_is_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, b"a\n" * 100, b"b\n" * 10, most=50)
    assert told.startswith("--source a.en has at least 25 lines, --target a.fr has 10 lines: ")


def test_a_part_with_fewer_lines_than_the_other_file_is_a_part(tmp_path: Path) -> None:
    pairs, origin = read(tmp_path, b"a long line\n" * 20, b"b\n" * 20, most=50)
    assert len(pairs) == 4
    assert (origin.told().bytes_read, origin.told().whole) == (90, False)


def test_pipes_are_read_as_they_come(tmp_path: Path) -> None:
    texts = {"a.en": b"one\ntwo\n", "a.fr": b"un\ndeux\n"}
    for name in texts:
        os.mkfifo(tmp_path / name)
    threads = [
        threading.Thread(target=(tmp_path / name).write_bytes, args=(content,))
        for name, content in texts.items()
    ]
    for thread in threads:
        thread.start()
    pairs, origin = read(tmp_path, None, None)
    for thread in threads:
        thread.join()
    assert pairs == [(["one"], ["un"]), (["two"], ["deux"])]
    assert origin.told().whole
