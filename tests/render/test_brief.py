"""The brief report: the answer first, honest labels, and few lines, of all that is committed and of odd runs."""

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from pipebench.plan.device_kind import DeviceKind
from pipebench.records import store
from pipebench.records.figures import Accuracy
from pipebench.records.run import RunRecord
from pipebench.records.schema import Failure, WarningRecord
from pipebench.render.brief import MOST_DRAWN, brief_report
from tests.builders import completed_record, own_record, with_config

ROOT = Path(__file__).parent.parent.parent
COMMITTED = [
    path
    for path in sorted((ROOT / "results").rglob("*-*-*-*.json"))
    if path.parent.name != "runs"  # of whoever works here
]
BEFORE_WARNINGS = 23  # lines at 100 columns: the answer, the rest, the trust, eight devices, an empty one
FIRST_WORDS = ("speed-up  ", "failed: ", "aborted: ")


def text_of(record: RunRecord, width: int = 100, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width)
    console.print(brief_report(record, console), crop=False)
    file.seek(0)
    return file.read()


def lines_of(record: RunRecord, width: int = 100) -> list[str]:
    return text_of(record, width).splitlines()


def fact(record: RunRecord, name: str, width: int = 100) -> str:
    (line,) = (line for line in lines_of(record, width) if line.startswith(name))
    return line.removeprefix(name).strip()


def committed_runs() -> dict[object, tuple[str, RunRecord]]:
    """One of each kind: others that differ in their figures alone have the same lines."""
    found = [(path.name, store.read(path)) for path in COMMITTED]
    return {kind_of(record): (name, record) for name, record in found if isinstance(record, RunRecord)}


def kind_of(record: RunRecord) -> object:
    config, model = record.config, record.config.model
    plan = (config.schedule, str(config.softmax_devices), None if model is None else model.name)
    codes = tuple(warning.code for warning in record.warnings)
    return record.device.kind, record.device.count, plan, codes, record.status, record.accuracy


def test_of_every_committed_run_the_answer_comes_first_in_few_lines_with_its_label() -> None:
    runs = committed_runs()
    assert len(runs) > 50
    for name, record in runs.values():
        lines = lines_of(record)
        assert lines[0].startswith(FIRST_WORDS), name
        first = next((place for place, line in enumerate(lines) if line.startswith("warning  ")), len(lines))
        assert first <= BEFORE_WARNINGS, name
        assert len(lines) - first <= 2 * len(record.warnings), name  # the last lines, two for a long one
        assert all(line.startswith(("warning  ", " " * 9)) for line in lines[first:]), name
        assert max(map(len, lines)) <= 100, name
        virtual = record.clock == "virtual"
        for other in ("virtual", "emulated,") if not virtual else ("measured", "wall clock"):
            assert other not in "".join(lines[:first]), (name, other)
        if record.speedup is not None:
            assert (", emulated, virtual time; " if virtual else ", measured, wall clock") in lines[0], name
            assert any(line.startswith("verified  yes: ") for line in lines), name
            assert len([line for line in lines if line.startswith("trust ")]) == 1


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_default_run_has_28_lines_with_its_4_of_what_to_do_next(width: int) -> None:
    (path,) = (ROOT / "results/schedules").glob("*-gpipe-*.json")
    record = store.read(path)
    assert isinstance(record, RunRecord)
    assert len(lines_of(record, width)) + 4 <= 28


def test_the_order_is_that_of_the_questions() -> None:
    warning = WarningRecord("odd", "a cause", "a step")
    lines = lines_of(completed_record(warnings=[warning]))
    names = [line.split("  ")[0] for line in lines if line and not line.startswith(" ")]
    assert names[:7] == ["speed-up", "pipeline", "baseline", "machine", "verified", "the rest", "trust"]
    assert [name[:3] for name in names[7:9]] == ["0 |", "1 |"]
    assert names[9].startswith("█ forward")
    assert lines[-1] == "warning  odd: a cause -> a step"


def test_a_virtual_result_is_labelled_wherever_a_figure_stands() -> None:
    record = completed_record()
    assert fact(record, "speed-up") == (
        "2.00x, emulated, virtual time; 95 % interval 2.00 to 2.00 over 2 launches"
    )
    assert fact(record, "pipeline").endswith(": gpipe, 2 emulated devices, virtual time")
    assert fact(record, "baseline").endswith("; CPU time")
    assert (
        fact(record, "machine", 120)
        == "2014: one 2014 GPU, emulated on A CPU; times are this host's, not the card's"
    )
    assert "the step nearest the median (emulated, virtual time)" in text_of(record)


def test_a_measured_result_never_says_virtual() -> None:
    record = completed_record()
    device = msgspec.structs.replace(record.device, kind=DeviceKind.CPU)
    text = text_of(msgspec.structs.replace(record, device=device, clock="wall", machine=None))
    assert text.startswith("speed-up  2.00x, measured, wall clock; 95 % interval")
    assert "gpipe, 2 cpu devices, wall clock" in text
    assert "trust     measured by the wall clock; nothing is emulated" in text
    assert "virtual" not in text
    assert "machine " not in text


def test_where_the_rest_goes_ends_at_the_speed_up() -> None:
    # 2 devices busy 12 of 2 x 9.5 s, 9 without messages; the baseline's step is 19 s
    lines = lines_of(completed_record())
    first = next(number for number, line in enumerate(lines) if line.startswith("the rest"))
    assert [line.split() for line in lines[first : first + 5]] == [
        ["the", "rest", "2", "devices", "2.00x"],
        *(
            f"{words} x {factor} {left}".split()
            for words, factor, left in (
                ("slices cost more than the whole batch", "1.58", "3.17x"),
                ("fill and drain of the schedule", "0.67", "2.11x"),
                ("transfers not hidden", "0.95", "2.00x"),
                ("all else", "1.00", "2.00x"),
            )
        ),
    ]


def test_a_record_whose_step_cannot_be_run_again_is_shown_without_it() -> None:
    record = completed_record()
    assert record.timeline is not None
    short = msgspec.structs.replace(record.timeline, spans=record.timeline.spans[:-1])
    text = text_of(completed_record(timeline=short))
    assert "the rest" not in text
    assert text.startswith("speed-up  2.00x")


@pytest.mark.parametrize("status", ["aborted", "failed"])
def test_of_a_run_without_a_result_the_answer_is_why(status: str) -> None:
    record = msgspec.structs.replace(
        completed_record(),
        **dict.fromkeys(
            ("baseline", "pipeline", "speedup", "efficiency", "verification", "bubble", "timeline")
        ),
        status=status,
        launches=[],
        devices=[],
        failure=Failure(130, "interrupted (Ctrl-C)"),
    )
    assert lines_of(record) == [
        f"{status}: interrupted (Ctrl-C)",
        "",
        "pipeline  gpipe, 2 emulated devices, virtual time",
        "machine   2014: one 2014 GPU, emulated on A CPU; times are this host's, not the card's",
        "",
    ]


def test_a_run_that_ended_early_says_so_before_what_it_found() -> None:
    failure = Failure(130, "interrupted (Ctrl-C)")
    lines = lines_of(completed_record(status="aborted", failure=failure))
    assert lines[0] == "aborted: interrupted (Ctrl-C); 2 of 2 launches kept"
    assert lines[2].startswith("speed-up  2.00x, emulated, virtual time")


def test_a_speed_up_over_several_devices_says_so_in_its_line() -> None:
    record = own_record(devices=2)
    assert fact(record, "speed-up").startswith("2.00x relative to 2 devices, emulated, virtual time; ")
    assert ": net, gpipe, 2 emulated devices, virtual time" in fact(record, "pipeline")
    assert ": 2 devices, naive; virtual time" in fact(record, "baseline")
    assert "2 devices, the naive schedule on the fewest that hold the model" in fact(record, "baseline", 140)
    assert "words" not in text_of(record)


def test_who_shares_the_softmax_stands_beside_the_schedule() -> None:
    shared = with_config(own_record(), softmax_devices="all")
    assert ": net, gpipe, softmax on all, 2 emulated devices" in fact(shared, "pipeline", 120)


def test_of_many_devices_eight_are_drawn_and_the_axis_says_so() -> None:
    for devices in (1, 2, 7, 8, 9, 16):
        record = of_devices(devices)
        drawn = [line for line in lines_of(record) if " |" in line[:5] and line.endswith("|")]
        assert len(drawn) == min(devices, MOST_DRAWN)
        some = f"(emulated, virtual time, {MOST_DRAWN} of {devices} devices)"
        assert (some in text_of(record)) is (devices > MOST_DRAWN)
        assert len(lines_of(record)) <= BEFORE_WARNINGS + 1


def of_devices(devices: int) -> RunRecord:
    """A run of so many devices: figures of 2, a timeline of its own."""
    from pipebench.records.timelines import device_usages, timeline_record
    from pipebench.timing.costs import UniformCosts
    from pipebench.timing.links import latency_only
    from pipebench.timing.simulator import simulate
    from tests.builders import plan_of, record_config, run_config

    timeline = simulate(plan_of("gpipe", devices, 2), UniformCosts(1, 2), latency_only(0.25))
    record = completed_record()
    return msgspec.structs.replace(
        record,
        config=record_config(run_config(gpus=devices, layers=devices)),
        device=msgspec.structs.replace(record.device, count=devices, names=["A CPU"] * devices),
        devices=device_usages(timeline, [f"LSTM {n}" for n in range(devices)]),
        timeline=timeline_record(timeline, clock="virtual"),
    )


def test_a_clock_that_is_wrong_on_purpose_is_not_trusted() -> None:
    warning = WarningRecord("clock-wrong-on-purpose", "PIPEBENCH_FAULT makes it so", "unset it")
    assert fact(completed_record(warnings=[warning]), "trust") == (
        "not at all: a fault was put in on purpose"
    )


def test_foreign_words_do_nothing() -> None:
    accuracy = Accuracy(known_here=False, study="x", text="unknown\x1b[2J\n::error::x")
    text = text_of(completed_record(accuracy=accuracy))
    assert "\x1b" not in text
    assert "::error" not in text


@pytest.mark.parametrize("width", [20, 60, 71, 72, 80, 120])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    for record in (completed_record(), own_record(devices=2), of_devices(16)):
        assert [line for line in lines_of(record, width) if len(line) > width and " " in line.strip()] == []


def test_an_ascii_console_has_plain_signs() -> None:
    text = text_of(completed_record(), encoding="ascii")
    assert text.isascii()
    assert "|FF" in text
