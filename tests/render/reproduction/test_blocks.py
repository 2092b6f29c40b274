import io

from rich.console import Console

from pipebench.render.reproduction.blocks import Block, Facts, Grid, Listed, Paragraph, in_markdown, shown

GRID = Grid("a title", ["name", "figure", "words"], [["one | two", "1", "some * words"]], words_last=True)


def text_of(block: Block, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(shown(block))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def test_a_terminal_has_a_title_and_a_table() -> None:
    assert text_of(GRID) == "a title\nname       figure  words\none | two       1  some * words"
    assert text_of(Listed("remarks", ["one", "two"])) == "remarks\none\ntwo"
    assert text_of(Facts([("name", "what it is")])) == "name  what it is"


def test_markdown_has_no_meaning_in_our_words() -> None:
    assert in_markdown(GRID) == (
        "**a title**\n\n| name | figure | words |\n| :--- | ---: | :--- |\n| one \\| two | 1 | some \\* words |"
    )
    assert in_markdown(Facts([("a_b", "<c>")])) == "- **a\\_b** \\<c\\>"
    assert in_markdown(Paragraph("a [b]")) == "a \\[b\\]"
    assert in_markdown(Listed("remarks", ["one"])) == "**remarks**\n\n- one"


def test_what_a_record_holds_does_nothing_to_a_terminal() -> None:
    for block in (
        Paragraph("\x1b[31mred"),
        Listed("\x1b[31m", ["\x1b[31m"]),
        Facts([("\x1b[31m", "\x1b[31m")]),
    ):
        assert "\x1b" not in text_of(block)
        assert "\x1b" not in in_markdown(block)
