import hashlib
import os
import subprocess
import threading
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from pipebench.errors import UsageError
from pipebench.models.text import reading
from pipebench.models.text.reading import TextFile
from pipebench.system import encodings

BOM = encodings.BOM


def read(path: Path, most_bytes: int = 1 << 20) -> tuple[str, TextFile]:
    file = TextFile(str(path), most_bytes)
    return "".join(file.blocks()), file


def refused(tmp_path: Path, content: bytes, name: str = "words.txt") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(caught.value).startswith(f"--text {path}: expected ")
    return str(caught.value).removeprefix(f"--text {path}: ")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_no_letter_is_cut_by_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(reading, "_BLOCK_BYTES", size)
    monkeypatch.setattr(reading, "_HEAD_BYTES", 1)
    text = "aé天👍🏽\r\n" * 20
    path = tmp_path / "words.txt"
    path.write_bytes(BOM + text.encode())
    assert read(path)[0].removeprefix("\ufeff") == text


def test_a_byte_order_mark_is_no_letter(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(BOM + b"a b c.\n")
    text, file = read(path)
    assert text == "a b c.\n"
    assert (file.bytes_read, file.whole) == (10, True)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("most", "whole"), [(99, False), (100, True), (101, True)])
def test_no_more_is_read_than_is_asked_for(tmp_path: Path, most: int, whole: bool) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(b"0123456789" * 10)
    text, file = read(path, most)
    assert (len(text), file.bytes_read, file.whole) == (min(most, 100), min(most, 100), whole)
    assert file.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_letter_that_the_bound_cuts_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("天地".encode())
    assert read(path, 5)[0] == "天"


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            for byte in "é 天。".encode():
                file.write(bytes([byte]))

    thread = threading.Thread(target=write)
    thread.start()
    text, file = read(path)
    thread.join()
    assert (text, file.bytes_read, file.whole) == ("é 天。", 9, True)


@pytest.mark.parametrize(
    ("content", "place", "looks"),
    [
        (b"caf\xe9 au lait", "byte 3 (0xE9) is not", "Latin-1"),
        (b"caf\xe9", "byte 3 (0xE9) begins a letter that does not end", "Latin-1"),
        ("das ist Text. ".encode("utf-16"), "byte 0 begins something else", "UTF-16"),
        ("das ist Text. ".encode("utf-16-le"), "byte 1 is NUL", "UTF-16 (little-endian)"),
        ("das ist Text. ".encode("utf-32-be"), "byte 0 is NUL", "UTF-32 (big-endian)"),
        (b"a b c.\n" + bytes(200_000), "byte 7 is NUL", "binary data"),
        (b"a b c.\n" * 100_000 + bytes(7), "byte 700000 is NUL", "binary data"),
        (b"\x1f\x8b\x08\x00abc", "byte 0 begins something else", "gzip"),
        (b"%PDF-1.4\n1 0 obj", "byte 0 begins something else", "PDF"),
        ("私は".encode("iso2022_jp"), "byte 0 begins a change of alphabet", "ISO-2022-JP"),
        (
            "Привет".encode("utf-16-le") * 9,
            "63 of 108 letters are control characters, the first at byte 0",
            "UTF-16",
        ),
        (
            b"ab" + bytes(range(1, 9)) * 50,
            "400 of 402 letters are control characters, the first at byte 2",
            "binary",
        ),
        (b"\xed\xa0\xbd\xed\xb8\x80", "byte 0 (0xED) is not", "surrogates"),
    ],
)
def test_what_is_no_text_in_utf_8_is_refused_with_place_and_guess(
    tmp_path: Path, content: bytes, place: str, looks: str
) -> None:
    text = refused(tmp_path, content)
    assert place in text
    assert f"looks like {looks}" in text or looks in text.partition("looks like ")[2]


def test_a_text_that_was_decoded_wrongly_before_is_refused(tmp_path: Path) -> None:
    text = refused(tmp_path, "ein M\ufffddchen sch\ufffdn. ".encode() * 10)
    assert "20 of 190 letters are U+FFFD, the first at byte 5" in text
    assert "convert the original again" in text


def test_the_option_that_named_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    for content in (None, b"caf\xe9", "\ufffd".encode() * 10):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UsageError, match=f"^--source {path}: "):
            list(TextFile(str(path), 1 << 20, "--source").blocks())
    with pytest.raises(UsageError, match=r"^--source '\\n': expected a name"):
        TextFile("\n", 1 << 20, "--source")


def test_a_few_odd_letters_are_in_any_text(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("\x1b[31mred\x1b[0m \ufffd text\x0c\n" + "more words, and more. " * 100)
    assert read(path)[1].whole


@pytest.mark.parametrize("name", ["it's  my::text $HOME (1).txt", "-café ##[x].txt"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_the_command_works_when_it_is_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, encoding: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stderr", TextIOWrapper(BytesIO(), encoding=encoding))
    Path(name).write_bytes("Größe".encode("utf-16"))
    with pytest.raises(UsageError) as caught:
        read(Path(name))
    command = str(caught.value).partition("convert it first: ")[2]
    command.encode(encoding)
    shown = command.replace("::", ": :")
    assert subprocess.run(["bash", "-c", shown], cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / f"{name}.utf8").read_text() == "Größe"
