"""The table of records: whole ids, and as much else as fits."""

import json
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console

from pipebench.errors import CorruptRecordError
from pipebench.records import listing
from pipebench.records.reproduction import ReproductionRecord
from pipebench.records.run import RunRecord
from pipebench.render.tables import device_table, record_row, record_table, table_legend
from tests.builders import (
    completed_record,
    ended_run,
    own_record,
    simulation_record,
    steady_record,
    with_config,
)
from tests.cells import PLANS, record_of_cells
from tests.hostile import hostile_record

NAME = "20261124-091500-emulated2-gpipe-3fa9c1"


def lines(width: int, *names: str) -> list[str]:
    rows = [record_row(Path(f"{name}.json"), steady_record()) for name in names or (NAME,)]
    console = Console(width=width, record=True)
    console.print(record_table(rows, width=width))
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (160, ["record", "status", "speed-up", "plan", "words/s"]),
        (110, ["record", "status", "speed-up", "plan"]),
        (80, ["record", "status", "speed-up"]),
    ],
)
def test_columns_leave_from_the_right_where_the_width_ends(width: int, columns: list[str]) -> None:
    header, line = lines(width)
    assert header.split() == columns
    assert line.split()[0] == NAME
    assert max(map(len, (header, line))) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_row_costs_no_row_its_interval_and_its_id_stays_whole(width: int) -> None:
    long = f"{NAME}-{'x' * (width - len(NAME) - 22)}"
    found = lines(width, NAME, long)
    assert found[1].split()[:2] == [NAME, "completed"]
    assert found[1].endswith("2.00x [1.98, 2.02] virtual")
    assert found[2:] == [long, f"{'':{len(NAME)}}  completed  2.00x [1.98, 2.02] virtual"]
    assert max(map(len, found)) <= width


def test_where_all_rows_are_long_what_stands_below_has_its_columns_too() -> None:
    long = f"{NAME}-{'x' * 8}"
    assert lines(80, long, long) == [
        "record  status     speed-up",
        *(long, "        completed  2.00x [1.98, 2.02] virtual") * 2,
    ]


def test_a_long_result_moves_to_the_left_and_not_the_others() -> None:
    rows = [record_row(Path(f"{NAME}.json"), each) for each in (steady_record(), own_record(devices=2))]
    console = Console(width=80, record=True)
    console.print(record_table(rows, width=80))
    header, one, *two = (line.rstrip() for line in console.export_text().splitlines())
    assert header.split() == ["record", "status", "speed-up"]
    assert one == f"{NAME}  completed  2.00x [1.98, 2.02] virtual"
    told = "completed  2.00x relative to 2 devices [1.98, 2.02] virtual"
    assert two == [NAME, f"{told:>80}"]


def test_what_is_no_run_has_a_line_too() -> None:
    broken = record_row(Path("a/broken.json"), CorruptRecordError("a/broken.json: no JSON"))
    assert [cell.plain for cell in broken.cells] == ["a/broken.json", "unreadable", "-", "-", "-"]
    simulated = record_row(Path("a/simulated.json"), simulation_record())
    assert [cell.plain for cell in simulated.cells[:2]] == ["simulated", "simulation"]


@pytest.mark.parametrize(
    ("status", "told"), [("completed", "reproduction"), ("aborted", "reproduction, aborted")]
)
def test_a_reproduction_that_was_cut_short_says_so(
    status: Literal["completed", "aborted"], told: str
) -> None:
    made = ReproductionRecord(id="r", created="2026", status=status, verdicts=[], runs=[])
    assert [cell.plain for cell in record_row(Path("r.json"), made).cells] == ["r", told, "-", "-", "-"]
    (line,) = json.loads(listing.listing([(Path("r.json"), made)]))
    assert line == {"path": "r.json", "kind": "reproduction", "id": "r", "created": "2026", "status": status}


def test_a_run_that_was_not_completed_has_no_speed_up() -> None:
    aborted = ended_run(completed_record(), speedup=None, pipeline=None)
    cells = [cell.plain for cell in record_row(Path("x.json"), aborted).cells]
    assert cells[1:3] == ["aborted", "-"]
    assert cells[-1] == "-"


def test_the_plan_tells_who_shares_the_softmax() -> None:
    shared = with_config(steady_record(), softmax_devices="all")
    plans = [record_row(Path("x.json"), record).cells[3].plain for record in (steady_record(), shared)]
    assert plans == ["gpipe 2 devices, M 2, C 1", "gpipe 2 devices, M 2, C 1, softmax on all"]


def test_a_hostile_name_is_inert() -> None:
    row = record_row(Path("a\x1b[31m.json"), hostile_record())
    assert "\x1b" not in "".join(cell.plain for cell in row.cells)


def table_of(*records: RunRecord) -> list[str]:
    rows = [record_row(Path(f"{n}.json"), record) for n, record in enumerate(records)]
    console = Console(width=160, record=True)
    console.print(record_table(rows, width=160))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_last_column_is_what_all_records_count_or_each_says_so() -> None:
    assert table_of(own_record(), own_record())[0].endswith("samples/s")
    header, own, words = table_of(own_record(), steady_record())
    assert header.endswith("throughput")
    assert own.endswith("6.74 samples/s")
    assert words.endswith("53.9 words/s")


def test_a_speed_up_over_several_devices_says_so() -> None:
    row = record_row(Path("x.json"), own_record(devices=2))
    assert row.cells[2].plain == "2.00x relative to 2 devices [1.98, 2.02] virtual"


def devices_of(record: RunRecord) -> list[str]:
    console = Console(width=120, record=True)
    console.print(device_table(record.devices, 1.0))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_legend_says_what_the_counts_of_slices_are() -> None:
    def said(record: RunRecord, **more: str) -> str:
        console = Console(width=400)
        with console.capture() as found:
            console.print(table_legend(record.devices, **more))
        return " ".join(found.get().split())

    assert said(steady_record(), memory="; memory: computed") == (
        "busy to idle: share of the step; alive: slices kept for backward; memory: computed"
    )
    assert said(record_of_cells(PLANS["zero bubble"])).endswith(
        "; for W: the most of them that wait only for the gradients of their weights"
    )


def test_what_waits_for_its_weights_gradients_is_told_where_anything_does() -> None:
    header, first, *_ = devices_of(record_of_cells(PLANS["zero bubble"]))
    assert header.endswith("alive  for W")
    assert first.split()[-2:] == ["5", "2"]
    assert devices_of(completed_record())[0].endswith("alive")
