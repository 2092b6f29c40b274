import io
import re

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from pipebench.records.on_paper import OnPaper
from pipebench.render.reproduction.on_paper import on_paper_markdown, on_paper_report
from pipebench.reproduction.on_paper import on_paper


@pytest.fixture(scope="module")
def record() -> OnPaper:
    return on_paper()


def report(record: OnPaper, width: int = 80, encoding: str = "utf-8") -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    Console(file=stream, width=width).print(on_paper_report(record), crop=False)
    data: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return data.decode(encoding)


def words_of(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [20, 39, 40, 60, 71, 72, 79, 80, 120, 1000])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_nothing_is_cut_at_any_width(record: OnPaper, width: int, encoding: str) -> None:
    text = report(record, width, encoding)
    lines = [line.rstrip() for line in text.splitlines()]
    assert [line for line in lines if cell_len(line) > width and len(line.split()) > 1] == []
    words = words_of(text)
    for each in (
        *(f"{figure.name} (" for figure in record.sensitivities),
        *(machine.name for machine in record.machines),
        *(loss.text for loss in record.losses),
        *record.notes,
        record.carried_by,
        "simulated",
        "assum",
    ):
        assert each in words
    assert "…" not in text


def test_a_table_is_a_table_on_80_columns(record: OnPaper) -> None:
    text = report(record)
    for header in (
        r"card and bus +efficiency +words/s +over 6,300 +ratio +over 3\.71x",
        r"lost to +factor +ratio",
        r"device +layers +busy +waiting +transfer +idle",
        r"figure \(as simulated\) +moves it +the ratio otherwise",
    ):
        assert re.search(header, text)


def test_the_head_says_what_it_is_and_what_it_is_not(record: OnPaper) -> None:
    words = words_of(report(record))
    assert words.startswith("simulated: the machine of 2014 on paper, 8 GPUs, a batch of 128")
    assert "nothing was measured, and the paper names no GPU" in words
    assert (
        f"fitted efficiency {record.efficiency:.3f} of the card's peak ({record.machine}, assumed)" in words
    )
    assert "to one GPU's 1,700 words/s, and to nothing else" in words


@pytest.mark.parametrize(("words_per_s", "side"), [(7300.0, "1,000 above"), (5300.0, "1,000 below")])
def test_a_residual_says_on_which_side_it_is(record: OnPaper, words_per_s: float, side: str) -> None:
    ratio = words_per_s / 1700
    claims = [msgspec.structs.replace(claim, residual=ratio - claim.ratio) for claim in record.claims]
    words = words_of(
        report(msgspec.structs.replace(record, words_per_s=words_per_s, ratio=ratio, claims=claims))
    )
    assert (
        f"{words_per_s:,.0f} words/s, {ratio:.2f}x (simulated): {side} the paper's 6,300 words/s (16 %)"
        in words
    )
    assert f"0.59 {side.split()[1]} its 3.71x" in words


def test_every_table_of_markdown_has_rows_of_equal_length(record: OnPaper) -> None:
    text = on_paper_markdown(record)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 5
    for rows in tables:
        assert len({row.count("|") for row in rows}) == 1


def test_terminal_and_markdown_have_the_same_figures(record: OnPaper) -> None:
    figures = [
        re.findall(r"\d[\d,.]*", text.replace("\\", ""))
        for text in (report(record, 1000), on_paper_markdown(record))
    ]
    assert sorted(figures[0]) == sorted(figures[1])
