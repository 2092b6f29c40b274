"""The report of a run that another program measured."""

import io
from math import log, sqrt
from pathlib import Path

import pytest
from rich.console import Console

from pipebench.records.schema import WarningRecord
from pipebench.records.trace import OtherTotal, TraceFile, TraceLaunch, TraceRecord, TraceStep
from pipebench.render.svg.record import record_svg
from pipebench.render.tables import record_row
from pipebench.render.trace import residual_text, trace_report
from tests.render.svg.drawn import bars, words
from tests.trace_records import planned, trace_record


def text(record: TraceRecord, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(trace_report(record, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def steps_of(number: int) -> list[TraceLaunch]:
    return [TraceLaunch([TraceStep(n, n % 2, 1.0 + n / 100, 1.0 + n / 100, 3.0) for n in range(number)])]


def test_it_says_whose_figures_they_are_and_how_well_they_are_understood_first() -> None:
    found = " ".join(text(trace_record()).split())
    assert found.startswith("recorded run, wall clock 20261127-000000-trace4-x")
    order = [
        "by another program, on its own clock; pipebench read its files and measured nothing",
        "4 stages on 4 devices, 4 microbatches",
        "run-0.csv (span table, 96 rows)",
        "are 0.2 % off on average (signs left out), and -0.2 % at worst",
        "the mean of 3 steps",
        "bubble 43 % of all device time",
        "factor busy",
        "fill and drain of the schedule: 4 microbatches for 4 stages",
        "by device, the mean of all recorded steps (wall clock)",
        "the recorded steps, the longest first",
        "other operations",
        "step 0 of replica 0, the one nearest the mean",
    ]
    places = [found.index(words) for words in order]
    assert places == sorted(places)


def test_the_table_by_device_is_in_shares_of_the_step() -> None:
    lines = [line.split() for line in text(trace_record()).splitlines()]
    rows = [line for line in lines if line[1:2] == ["stage"] and line[:1] in (["0"], ["3"])]
    assert [row[3:5] for row in rows] == [["57", "%"], ["57", "%"]]  # 4 x 30 ms of 210 ms


def test_of_many_steps_the_longest_are_told_and_how_many_more() -> None:
    found = text(trace_record(launches=steps_of(20)))
    rows = [line.split() for line in found.splitlines() if line.split()[3:4] == ["s"] and "0 %" in line]
    assert [int(row[0]) for row in rows] == list(range(19, 7, -1))
    assert rows[0] == ["19", "1", "1.19", "s", "1.19", "s", "0", "%", "37", "%"]
    assert "and 8 more, which are shorter" in found
    assert "more, which" not in text(trace_record(launches=steps_of(12)))
    assert "20 steps of 2 replicas (1.00 s to 1.19 s)" in " ".join(found.split())


def test_a_merged_record_tells_steps_by_their_run() -> None:
    launches = [*trace_record(1).launches, *trace_record(2).launches]
    found = " ".join(text(trace_record(launches=launches, merged_from=["a", "b"])).split())
    lengths = [launch.step_s for launch in launches]
    spread = 100 * abs(log(lengths[0] / lengths[1])) / sqrt(2)
    assert f"2 runs, each one launch; the step of one spreads by {spread:.2g} %" in found
    assert "run step replica recorded" in found
    assert "the mean of the run nearest the mean (wall clock)" in found


def test_the_residual_is_that_of_the_worst_step_and_the_mean_of_all_without_signs() -> None:
    steps = [TraceStep(0, 0, 1.0, 1.01, 1.0), TraceStep(7, 1, 1.0, 0.95, 1.0)]
    found = residual_text([TraceLaunch(steps)])
    assert "are 3 % off on average (signs left out), and -5 % at worst (step 7 of replica 1)" in found
    assert residual_text([TraceLaunch(steps[:1])]).endswith("is +1 % off")


def test_of_a_merged_record_the_worst_step_is_named_with_its_run() -> None:
    steps = [TraceStep(20, 0, 1.0, 1.01, 1.0), TraceStep(20, 0, 1.0, 0.95, 1.0)]
    found = residual_text([TraceLaunch([each]) for each in steps])
    assert found.endswith("-5 % at worst (step 20 of replica 0 of run 2)")


def test_of_many_files_some_are_named() -> None:
    files = [TraceFile(f"rank{n}.json", "torch-profiler", "0" * 64, n + 1) for n in range(6)]
    found = " ".join(text(trace_record(files=files)).split())
    assert "rank0.json (trace of torch.profiler, 1 row); rank1.json" in found
    assert "2 rows); rank2.json" in found
    assert "and 2 more" in found
    assert "rank4" not in found


def test_halves_of_a_backward_and_warnings_are_told() -> None:
    warning = WarningRecord("clock-skew", "rank 2 is 3 ms ahead", "trust transfers less")
    found = text(trace_record(plan=planned(schedule="zb-h1"), warnings=[warning]))
    assert "for W" in found
    assert "each backward in halves" in found
    assert "clock-skew: rank 2 is 3 ms ahead -> trust transfers less" in found


@pytest.mark.parametrize("width", [40, 80, 110])
def test_what_a_record_holds_does_nothing_and_fits(width: int) -> None:
    hostile = "\x1b[31m[bold]x[/]\u202e"
    record = trace_record(
        id=hostile,
        files=[TraceFile(hostile, "spans", "0" * 64, 1)],
        warnings=[WarningRecord(hostile, hostile, hostile)],
    )
    found = text(record, width)
    assert "\x1b" not in found
    assert "\u202e" not in found
    assert "[bold]x[/]" in found
    assert max(map(len, text(trace_record(), width).splitlines())) <= width


def test_without_a_waterfall_and_other_operations_the_rest_is_told() -> None:
    found = text(trace_record(waterfall=[], totals=[], others=[]))
    assert "factor" not in found
    assert "other operations" not in found


def test_other_operations_are_told_of_the_devices_that_have_them() -> None:
    totals = [OtherTotal("RECV_B", 9, 0.713, devices=3, having_s=0.951), OtherTotal("OPTIMIZER", 3, 0.01)]
    found = text(trace_record(totals=totals))
    rows = [line.split() for line in found.splitlines() if line.split()[:1] in (["RECV_B"], ["OPTIMIZER"])]
    assert rows == [["RECV_B", "9", "3", "951", "ms"], ["OPTIMIZER", "3", "-", "10.0", "ms"]]
    plain = " ".join(found.split())
    assert "a step: what these take on one of these devices, on average over steps" in plain
    assert "devices -: an older record does not say; its mean is over all devices" in plain
    assert "an older record" not in text(trace_record(totals=totals[:1]))


def test_it_has_a_row_of_the_list() -> None:
    cells = [cell.plain for cell in record_row(Path("a/x.json"), trace_record()).cells]
    assert cells[:2] == ["x", "trace"]
    assert cells[2].startswith("step 21")
    assert cells[2].endswith(" ms wall")
    assert cells[3:] == ["run-0.csv: 4 devices, 4 microbatches", "-"]


def test_its_picture_says_who_recorded_it() -> None:
    record = trace_record()
    drawn = record_svg(record, "x.json")
    assert drawn.evidence == "wall clock, recorded by another program"
    assert words(drawn.document, "evidence") == [drawn.evidence]
    assert words(drawn.document, "title") == ["4 devices"]
    assert words(drawn.document, "layers") == ["stage 0", "stage 1", "stage 2", "stage 3"]
    assert len(bars(drawn.document, "forward")) == len(bars(drawn.document, "backward")) == 16
    assert record.id in " ".join(words(drawn.document, "note"))
