"""Names of files as text, whatever the locale has made of their bytes."""

import pytest

from pipebench.system.names import as_named, as_text, is_text


@pytest.mark.parametrize(
    ("name", "text", "good"),
    [
        ("plain", "plain", True),
        ("café 天", "café 天", True),
        ("caf\udcc3\udca9", "café", True),  # as the C locale has it
        ("od\udcff", r"od\xff", False),
        ("é\udcff", r"é\xff", False),
        ("\ud800", "\ud800", False),
    ],
)
def test_bytes_are_read_as_utf_8(name: str, text: str, good: bool) -> None:
    assert as_text(name) == text
    assert is_text(name) is good
    assert as_text(as_text(name)) == text


@pytest.mark.parametrize("name", ["plain", "café 天"])
def test_the_system_finds_what_the_text_was_made_of(name: str) -> None:
    assert as_named(as_text(name)) == name
