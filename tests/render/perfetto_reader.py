"""A strict reader of Chrome's Trace Event Format, as far as pipebench writes it.

It takes nothing that Perfetto would drop or place elsewhere: unknown keys, numbers that are none, slices that overlap
in part, flows that lose an end or start outside a slice, counters that go back in time.
"""

import json
import math
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

NAMES = {
    "process_name": "name",
    "thread_name": "name",
    "process_sort_index": "sort_index",
    "thread_sort_index": "sort_index",
}
REQUIRED = {
    "X": {"name", "cat", "pid", "tid", "ts", "dur", "args"},
    "C": {"name", "pid", "ts", "args"},
    "s": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
    "t": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
    "f": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
}


class Found(NamedTuple):
    """A slice, in nanoseconds."""

    pid: int
    tid: int
    start_ns: int
    end_ns: int
    name: str
    cat: str
    args: dict[str, Any]


class Flow(NamedTuple):
    """From slice to slice, and over which."""

    name: str
    start: Found
    over: Found | None
    end: Found


@dataclass
class Trace:
    """What a document holds, checked."""

    other_data: dict[str, Any]
    rank: dict[str, int] | None
    slices: list[Found] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    counters: dict[tuple[int, str], list[tuple[int, int]]] = field(default_factory=dict)
    processes: dict[int, str] = field(default_factory=dict)
    lanes: dict[tuple[int, int], str] = field(default_factory=dict)

    def of(self, pid: int, cat: str) -> list[Found]:
        return [each for each in self.slices if each.pid == pid and each.cat == cat]

    def sum_ns(self, pid: int, cat: str) -> int:
        return sum(each.end_ns - each.start_ns for each in self.of(pid, cat))


def read(document: bytes) -> Trace:
    """Read and check a document."""
    whole = json.loads(document.decode("utf-8"), object_pairs_hook=once, parse_constant=refuse)
    assert set(whole) - {"distributedInfo"} == {"displayTimeUnit", "otherData", "traceEvents"}
    assert whole["displayTimeUnit"] in {"ms", "ns"}
    trace = Trace(whole["otherData"], whole.get("distributedInfo"))
    events = whole["traceEvents"]
    for event in events:
        check_event(event)
    trace.slices = [slice_of(event) for event in events if event["ph"] == "X"]
    read_names(trace, [event for event in events if event["ph"] == "M"])
    by_lane = lanes_of(trace.slices)
    assert set(by_lane) == set(trace.lanes), "each lane has a name, and no name is of none"
    read_flows(trace, by_lane, [event for event in events if event["ph"] in {"s", "t", "f"}])
    read_counters(trace, [event for event in events if event["ph"] == "C"])
    return trace


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a key stands twice"
    return dict(pairs)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no number of JSON")


def check_event(event: dict[str, Any]) -> None:
    assert type(event["name"]) is str
    assert event["name"]
    whole(event["pid"])
    if event["ph"] == "M":
        (key,) = event["args"]
        assert NAMES[event["name"]] == key
        of_lane = event["name"].startswith("thread")
        assert set(event) == {"ph", "name", "pid", "args"} | ({"tid"} if of_lane else set())
        return
    assert set(event) == {"ph"} | REQUIRED[event["ph"]]
    nanoseconds(event["ts"])
    if "tid" in event:
        assert whole(event["tid"]) > 0, "Perfetto has a meaning of its own for 0"
    if "cat" in event:
        assert event["cat"]
        assert "," not in event["cat"], "a comma would make several categories"
    if "args" in event:
        for name, value in event["args"].items():
            assert name
            assert type(value) is str or number(value) is not None


def whole(value: Any) -> int:
    assert type(value) is int
    assert value >= 0
    return value


def number(value: Any) -> float:
    assert type(value) in {int, float}
    assert math.isfinite(value)
    assert value >= 0
    return float(value)


def nanoseconds(microseconds: Any) -> int:
    """As some versions of Perfetto read it, which cut off, and as others do, which round."""
    value = number(microseconds) * 1000
    assert int(value) == round(value)
    return int(value)


def slice_of(event: dict[str, Any]) -> Found:
    start_ns = nanoseconds(event["ts"])
    end_ns = start_ns + nanoseconds(event["dur"])
    return Found(event["pid"], event["tid"], start_ns, end_ns, event["name"], event["cat"], event["args"])


def read_names(trace: Trace, events: list[dict[str, Any]]) -> None:
    sorted_by: set[tuple[str, int, int]] = set()
    for event in events:
        pid, tid, name = event["pid"], event.get("tid", 0), event["name"]
        assert (name, pid, tid) not in sorted_by
        sorted_by.add((name, pid, tid))
        if name == "process_name":
            trace.processes[pid] = event["args"]["name"]
        elif name == "thread_name":
            trace.lanes[pid, tid] = event["args"]["name"]
        else:
            assert event["args"]["sort_index"] == (tid or pid)


def lanes_of(slices: list[Found]) -> dict[tuple[int, int], list[Found]]:
    """By lane, in the order of the file: by start, each ended before the next one starts or around all of it."""
    found: dict[tuple[int, int], list[Found]] = defaultdict(list)
    for each in slices:
        found[each.pid, each.tid].append(each)
    for lane in found.values():
        around: list[Found] = []
        last_ns = 0
        for each in lane:
            assert each.start_ns >= last_ns, f"{each} stands behind a later one"
            last_ns = each.start_ns
            while around and around[-1].end_ns <= each.start_ns:
                around.pop()
            assert not around or each.end_ns <= around[-1].end_ns, f"{each} overlaps {around[-1]} in part"
            around.append(each)
    return found


def read_flows(trace: Trace, lanes: dict[tuple[int, int], list[Found]], events: list[dict[str, Any]]) -> None:
    starts = {lane: [each.start_ns for each in slices] for lane, slices in lanes.items()}
    ends: dict[int, dict[str, tuple[int, Found]]] = defaultdict(dict)
    named: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for event in events:
        assert event["bp"] == "e"
        lane, time_ns = (event["pid"], event["tid"]), nanoseconds(event["ts"])
        inside = lanes[lane][bisect_right(starts[lane], time_ns) - 1]
        assert inside.start_ns <= time_ns < max(inside.end_ns, inside.start_ns + 1), f"{event} is in no slice"
        assert event["ph"] not in ends[event["id"]]
        ends[event["id"]][event["ph"]] = time_ns, inside
        named[event["id"]].add((event["name"], event["cat"]))
    for number_, parts in ends.items():
        ((name, _),) = named[number_]
        assert set(parts) - {"t"} == {"s", "f"}, f"flow {number_} has {sorted(parts)}"
        over = parts.get("t")
        assert parts["s"][0] <= (over or parts["s"])[0] <= parts["f"][0], f"flow {number_} leads back in time"
        trace.flows.append(Flow(name, parts["s"][1], over and over[1], parts["f"][1]))


def read_counters(trace: Trace, events: list[dict[str, Any]]) -> None:
    for event in events:
        ((_, value),) = event["args"].items()
        values = trace.counters.setdefault((event["pid"], event["name"]), [])
        time_ns = nanoseconds(event["ts"])
        assert not values or values[-1][0] <= time_ns
        values.append((time_ns, whole(value)))
    for values in trace.counters.values():
        assert values[0][1] == 0
        assert values[-1][1] == 0
