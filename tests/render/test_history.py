import io

from rich.console import Console

from pipebench.comparison.history import Change, History, Point
from pipebench.render.history import history_report, sparkline


def course(number: int = 3, **changes: object) -> History:
    fields: dict[str, object] = {
        "metric": "words_per_s",
        "threshold": 0.03,
        "of": "2 emulated [b]",
        "runs": [Point(f"run-{n}\x1b[31m", "2026", 100.0 + n) for n in range(number)],
        "changes": [Change("run-1", "2026", 100.0, 90.0, -0.1, 0.0012)],
        "other_configurations": 2,
        "not_completed": 1,
        "unreadable": 0,
    }
    return History(**(fields | changes))  # type: ignore[arg-type]


def text_of(record: History, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(history_report(record, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_block_for_each_value_from_lowest_to_highest() -> None:
    assert sparkline([1.0, 8.0, 4.5, 1.0]) == "▁█▅▁"
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([1.0, 2.0], plain=True) == "_@"


def test_the_report_says_what_changed_and_what_is_left_out() -> None:
    text = text_of(course())
    assert "words/s of 3 runs" in text
    assert "-10.0 % from run-1 on: 100 -> 90, p = 0.0012" in text
    assert "2 runs of other configurations, 1 run not completed" in text
    assert "unreadable" not in text


def test_foreign_text_is_inert_and_no_line_too_wide() -> None:
    text = text_of(course(500), width=60)
    assert r"\x1b[31m" in text
    assert "[b]" in text
    assert all(len(line) <= 60 for line in text.splitlines())


def test_a_course_is_told_in_its_own_terms() -> None:
    assert "samples/s of 3 runs" in text_of(course(metric="throughput", unit="samples"))
    assert "speed-up relative to 2 devices of 3 runs" in text_of(course(metric="speedup", baseline_devices=2))
