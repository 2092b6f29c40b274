import json

import pytest

from pipebench.errors import CorruptRecordError
from pipebench.foreign.torch_profiler.document import Document
from pipebench.foreign.torch_profiler.events import Group, Trace, read_events
from tests.foreign.torch_profiler.traces import document, event


def read(content: object) -> Trace:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_events(Document("t.json", text, "0" * 64))


def test_only_what_is_needed_is_kept_with_its_index() -> None:
    events = [
        {"ph": "M", "name": "process_name", "pid": "Spans", "args": {"name": "python"}},
        event("aten::mm", 0, 1, cat="cpu_op"),
        event("PP:0F0", 1, 3),
        event("gemm", 2, 3, cat="kernel", correlation=5),
        {"ph": "s", "id": 1, "pid": 0, "tid": 0, "ts": 5, "cat": "ac2g", "name": "ac2g"},
    ]
    group = {"pg_name": "0", "pg_desc": "default_pg", "pg_size": 2, "ranks": [0, 1]}
    trace = read(document(1, 2, events, groups=[group]))
    assert [(number, kept.name, kept.ts, kept.end) for number, kept in trace.events] == [
        (2, "PP:0F0", 1000, 3000),
        (3, "gemm", 2000, 3000),
    ]
    assert (trace.rank, trace.world, trace.groups) == (1, 2, [Group("default_pg", [0, 1])])


def test_groups_of_another_form_are_none() -> None:
    content = document(0, 1, [])
    content["distributedInfo"]["pg_config"] = "[]"
    assert read(content).groups == []


def wrong_time(**times: float) -> object:
    return document(0, 1, [{**event("PP:0F0", 0, 1), **times}])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected a trace as JSON"),
        (b'{"traceEvents": [', "expected a trace as JSON"),
        (b'{"traceEvents": [{"ph": "X", "ts": NaN}]}', "expected a trace as JSON"),
        (b'{"traceEvents": [{"name": "\xff"}]}', "expected a trace as JSON"),
        ([], "expected a trace as JSON"),
        ({"traceEvents": 3}, "expected a trace as JSON"),
        (b'{"traceEvents": [{"ph": "X", "ts": 1e999}]}', "expected a trace as JSON"),
        ({"schema": "pipebench"}, "without traceEvents"),
        ({"traceEvents": []}, "with a rank in distributedInfo"),
        (document(-1, 1, []), "with a rank in distributedInfo"),
        (document(2, 2, []), "with a rank in distributedInfo"),
        (document(0, 10**12, []), "with a rank in distributedInfo"),
        (b'{"a": ' + b"[" * 100_000, "expected a trace as JSON"),
        (wrong_time(ts=1e300), "event 0 .PP:0F0.: expected times from 0 to 1e17"),
        (wrong_time(ts=-1.0), "event 0 .PP:0F0.: expected times from 0 to 1e17"),
        (wrong_time(dur=-1.0), "event 0 .PP:0F0.: expected times from 0 to 1e17"),
    ],
)
def test_what_is_no_trace_of_a_rank_is_refused_in_a_line(content: object, said: str) -> None:
    with pytest.raises(CorruptRecordError, match=said) as caught:
        read(content)
    assert str(caught.value).startswith("t.json")
    assert "\n" not in str(caught.value)


def test_a_hundred_thousand_events_are_read_in_seconds() -> None:
    many = [event(f"aten::{number}", number, number + 1, cat="cpu_op") for number in range(100_000)]
    assert len(read(document(0, 1, [*many, event("PP:0F0", 0, 1)])).events) == 1


def test_an_operation_that_was_cut_is_no_reason_to_refuse_a_trace() -> None:
    cut = {**event("aten::mm", 0, 1, cat="cpu_op"), "dur": -5}
    assert len(read(document(0, 1, [cut, event("PP:0F0", 0, 1)])).events) == 1
