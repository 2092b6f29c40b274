"""What all formats have in common, and a terminal: they say all there is to say, and no record's text does anything."""

import io

import msgspec
import pytest
from rich.console import Console

from pipebench.render.comparison import markdown, page
from pipebench.render.comparison.terminal import comparison_report
from tests.builders import steady_record, with_config
from tests.render.comparison.formats import ALL_ALLOWED, FORMATS, attacked, compared, in_terminal


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_the_verdict_in_words(name: str) -> None:
    text = FORMATS[name](compared(steady_record(), steady_record(1.1)))
    assert "regression" in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_repeats_what_was_let_pass(name: str) -> None:
    record = steady_record()
    text = FORMATS[name](
        compared(record, with_config(record, hidden=77), allowed=frozenset({"config.hidden"}))
    )
    assert "allowed" in text
    assert "config.hidden" in text
    assert "77" in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_what_differs_and_what_drifted(name: str) -> None:
    record = steady_record()
    other = with_config(steady_record(environment={"python": "3.12.1"}), hidden=77)
    text = FORMATS[name](compared(record, other))
    assert "incomparable" in text
    assert "config.hidden" in text
    assert "3.12.1" in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_warns_of_a_summary_that_contradicts_its_samples(name: str) -> None:
    record = steady_record()
    lying = steady_record(1.1, speedup=record.speedup)
    assert "contradiction" in FORMATS[name](compared(record, lying))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_any_number_of_records(name: str) -> None:
    text = FORMATS[name](compared(*(steady_record(factor) for factor in (1.0, 1.1, 0.9))))
    assert "regression" in text
    assert "improvement" in text


@pytest.mark.parametrize("allowed", [frozenset[str](), ALL_ALLOWED])
@pytest.mark.parametrize("name", FORMATS)
def test_nothing_of_a_hostile_record_is_a_control_code_or_a_second_line(
    name: str, allowed: frozenset[str]
) -> None:
    text = FORMATS[name](attacked(allowed=allowed))
    assert all(line.isprintable() for line in text.splitlines())
    ours = ("::error title=pipebench ", "::warning title=pipebench ", "::notice title=pipebench ")
    for line in text.split("\n"):
        if line.lstrip().startswith("::"):
            assert name == "github"
            assert line.startswith(ours)
        assert "##[" not in line


def test_markup_and_codes_are_shown_in_a_terminal_and_do_nothing() -> None:
    text = in_terminal(
        attacked(allowed=ALL_ALLOWED), color_system="truecolor", force_terminal=True, width=4000
    )
    assert "[bold red]loud[/bold red]" in text
    assert r"\x1b[2J\x1b]0;title\x07\x9b31m\u202eback\x00" in text
    codes = {part.split("m")[0] for part in text.split("\x1b[")[1:]}
    assert codes <= {"0", "1", "2", "1;31", "31", "32", "33", "35"}


def test_colour_is_never_alone() -> None:
    record = compared(steady_record(), steady_record(1.1))
    plain = in_terminal(record, color_system=None)
    assert "▼ regression" in plain
    assert "\x1b" not in plain


def test_a_terminal_without_unicode_has_other_symbols() -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=100)
    record = compared(steady_record(), with_config(steady_record(1.1), dtype="flöat"), allowed=ALL_ALLOWED)
    console.print(comparison_report(record, console), crop=False)
    console.file.flush()
    text = console.file.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "! regression" in text
    assert r"fl\xf6at" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_in_a_terminal_is_wider_than_it(width: int) -> None:
    for record in (attacked(), compared(*(steady_record(factor) for factor in (1.0, 1.1, 0.9)))):
        assert all(len(line) <= width for line in in_terminal(record, width=width).splitlines())


def test_a_study_is_named_by_what_it_varies() -> None:
    record = steady_record()
    other = with_config(steady_record(0.9), schedule="wavefront", microbatches=4, chunks=8)
    text = in_terminal(compared(record, other, by="schedule"))
    assert "A gpipe" in text
    assert "B wavefront" in text
    assert "B 2 devices" in in_terminal(compared(record, record, by="gpus"))


def test_what_nobody_measured_takes_no_row_unless_the_gate_asks_for_it() -> None:
    record = steady_record()
    assert "peak memory" not in in_terminal(compared(record, record))
    assert "peak memory *" in in_terminal(compared(record, record, gates={"peak_memory_bytes": 0.03}))


def test_equal_remarks_share_a_footnote_and_gated_metrics_say_what_it_takes() -> None:
    record = steady_record()
    few = msgspec.structs.replace(record, launches=record.launches[:3])
    text = in_terminal(compared(record, few))
    notes = [line.split(maxsplit=1)[1].strip() for line in text.splitlines() if line.startswith("[")]
    assert notes[0].startswith("words/s: too-few-launches: need >= 4 launches a record")
    assert notes[1] == "too-few-launches"
    assert notes[2].startswith("speed-up: too-few-launches: need >= 4 launches a record")
    assert not notes[3:]
    assert text.count("[2]") == 5  # one device, step, efficiency, bubble, and the note itself


def test_a_command_stands_whole_on_a_line_of_its_own_in_a_terminal_and_is_code_elsewhere() -> None:
    record = steady_record()
    few = msgspec.structs.replace(record, launches=record.launches[:3])
    found = compared(record, few)
    (command,) = [each.next_step.partition(": ")[2] for each in found.warnings if each.code == "few-launches"]
    assert f"         {command}" in [line.rstrip() for line in in_terminal(found, width=80).splitlines()]
    assert f"run it again with --launches 6: `{command}`" in markdown.markdown(found)
    assert f"<code>{command}</code>" in page.page(found)
