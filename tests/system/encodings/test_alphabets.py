import pytest

from pipebench.system.encodings import alphabets


@pytest.mark.parametrize(
    ("text", "encoding", "western", "cyrillic"),
    [
        ("Les élèves français préfèrent l'été à l'hiver. " * 9, "cp1252", True, None),
        ("Größe und Maß sind süß, äußerst schön. " * 9, "cp1252", True, None),
        (
            "Однажды весною, в час небывало жаркого заката, появились два гражданина. " * 9,
            "cp1251",
            False,
            "WINDOWS-1251",
        ),
        (
            "Однажды весною, в час небывало жаркого заката, появились два гражданина. " * 9,
            "koi8-r",
            False,
            "KOI8-R",
        ),
        ("Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. " * 9, "iso-8859-7", False, None),
    ],
)
def test_letters_tell_the_language_and_with_it_the_encoding(
    text: str, encoding: str, western: bool, cyrillic: str | None
) -> None:
    sample = text.encode(encoding)
    assert alphabets.is_western(sample) is western
    assert alphabets.cyrillic(sample) == cyrillic
