"""The record of a run that another program measured: its figures, what it refuses, how it is stored and found."""

import json
from pathlib import Path

import msgspec
import pytest

from pipebench.errors import CorruptRecordError
from pipebench.records import documents, listing, store
from pipebench.records.graphs import timeline_of_trace
from pipebench.records.selection import COMPARABLE, Search, select
from pipebench.records.terms import terms_of
from pipebench.records.trace import TraceLaunch, TracePlan, TraceRecord, TraceStep, bubble_of
from tests.trace_records import planned, trace_record

ONE, OTHER = TraceStep(0, 0, 2.0, 1.9, 6.0), TraceStep(1, 1, 4.0, 4.4, 8.0)


def damaged(**changes: object) -> bytes:
    return json.dumps(json.loads(documents.encode(trace_record())) | changes).encode()


def test_the_figures_of_a_launch_are_those_of_all_its_steps() -> None:
    launch = TraceLaunch([ONE, OTHER])
    assert launch.step_s == 3.0
    assert launch.bubble(4) == pytest.approx(1 - 14 / 24)
    assert launch.busy_s(4) == pytest.approx(14 / 8)
    assert 1 - launch.busy_s(4) / launch.step_s == pytest.approx(launch.bubble(4))
    assert [step.residual for step in launch.steps] == pytest.approx([-0.05, 0.1])
    assert [step.bubble(4) for step in launch.steps] == pytest.approx([0.25, 0.5])
    assert bubble_of([TraceStep(0, 0, 1.0, 1.0, 4.1)], 4) == 0.0


def test_the_figures_of_a_record_are_those_of_its_launches() -> None:
    record = trace_record(launches=[TraceLaunch([ONE, OTHER]), TraceLaunch([ONE])])
    assert (record.step_s, record.replicas, record.steps) == (2.5, 2, [ONE, OTHER, ONE])
    assert terms_of(record).unit == "words"


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (TracePlan(4, 2, 8, [0, 1, 0, 1]), "4 stages on 2 devices, 8 microbatches"),
        (TracePlan(1, 1, 1, [0], True), "1 stage on 1 device, 1 microbatch, each backward in halves"),
        (
            TracePlan(2, 2, 4, [0, 1], order="1f1b"),
            "2 stages on 2 devices, 4 microbatches, in the order of 1f1b",
        ),
        (
            TracePlan(2, 2, 4, [0, 1], order="1f1b", other_orders=True),
            "2 stages on 2 devices, 4 microbatches, in the order of 1f1b in the step shown (other steps run in "
            "another order)",
        ),
        (
            TracePlan(2, 2, 4, [0, 1], order="another", other_orders=True),
            "2 stages on 2 devices, 4 microbatches",
        ),
    ],
)
def test_a_plan_is_told_in_words(plan: TracePlan, text: str) -> None:
    assert plan.text == text


def test_it_is_read_as_it_was_written_and_what_is_unknown_is_passed_over() -> None:
    assert documents.decode(documents.encode(trace_record()), "x") == trace_record()
    assert isinstance(documents.decode(damaged(later=1), "x"), TraceRecord)


@pytest.mark.parametrize(
    "changes",
    [
        {"launches": []},
        {"launches": [{"steps": []}]},
        {
            "launches": [
                {"steps": [{"step": 0, "replica": 0, "measured_s": 0, "simulated_s": 1, "busy_s": 1}]}
            ]
        },
        {"status": "aborted"},
        {"clock": "virtual"},
        {"files": []},
        {"plan": {"stages": 4, "devices": 4, "microbatches": 4, "device_of": [0, 1, 2]}},
        {"plan": {"stages": 2, "devices": 2, "microbatches": 4, "device_of": [0, 2]}},
        {"schema": {"name": "pipebench", "version": 2}},
    ],
)
def test_what_no_recorded_run_can_have_left_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(CorruptRecordError, match=r"not a valid trace record|schema version"):
        documents.decode(damaged(**changes), "x")


@pytest.mark.parametrize("schedule", ["1f1b", "zb-h1"])
def test_the_shown_step_is_read_back(schedule: str) -> None:
    record = trace_record(plan=planned(schedule=schedule))
    timeline = timeline_of_trace(record)
    assert timeline.makespan_s == record.timeline.makespan_s
    assert timeline.plan.programs == planned(schedule=schedule).programs
    assert len(timeline.spans) == 4 * 4 * (3 if schedule == "zb-h1" else 2)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (TracePlan(4, 4, 2, [0, 1, 2, 3]), "timeline: not one of this configuration"),
        (TracePlan(4, 4, 4, [1, 0, 2, 3]), "cannot run like this on device"),
        (TracePlan(2, 3, 4, [0, 2]), "plan: not that of a step: devices must be 0, 1, 2"),
    ],
)
def test_a_step_of_another_plan_is_refused(plan: TracePlan, words: str) -> None:
    record = documents.decode(damaged(plan=json.loads(msgspec.json.encode(plan))), "x")
    assert isinstance(record, TraceRecord)
    with pytest.raises(CorruptRecordError, match=words):
        timeline_of_trace(record)


def test_it_has_a_line_of_the_list() -> None:
    record = trace_record()
    (line,) = json.loads(listing.listing([(Path("a/x.json"), record)]))
    whole = {"path": "a/x.json", "kind": "trace", "id": record.id, "created": record.created}
    whole |= {"status": "completed", "clock": "wall", "launches": 1, "devices": 4, "microbatches": 4}
    assert line == whole | {"step_s": record.step_s}


def test_it_is_found_where_all_that_can_be_compared_is_searched_for(tmp_path: Path) -> None:
    path = store.write(trace_record(), tmp_path)
    assert select("latest", Search(tmp_path, kinds=COMPARABLE)).path == path
    with pytest.raises(CorruptRecordError, match="expected the record of a run, found that of a trace"):
        select(str(path), Search(tmp_path))
