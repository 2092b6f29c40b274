"""A record of a run that another program measured, with operations of its own."""

from typing import Any

from pipebench.records.timelines import bubble, device_usages, timeline_record
from pipebench.records.trace import OtherSpan, TraceFile, TraceLaunch, TracePlan, TraceRecord, TraceStep
from tests.builders import small_timeline

OTHERS = (
    OtherSpan(0, "ZERO", 0, -0.5, -0.25),
    OtherSpan(1, "SEND_B", 1, 4.25, 5.5, 0),
    OtherSpan(1, "ALLREDUCE", 1, 5.0, 6.0),
    OtherSpan(1, "OPTIMIZER", 1, 9.5, 10.0),
)


def recorded(**changes: Any) -> TraceRecord:
    """``small_timeline`` as another program would have it; one of the operations begins before the step."""
    timeline = small_timeline()
    busy_s = sum(span.end_s - span.start_s for span in timeline.spans)
    given: dict[str, Any] = {
        "id": "20261127-091500-trace2-3fa9c1",
        "created": "2026-11-27T09:15:00+00:00",
        "files": [TraceFile("spans.csv", "spans", "0" * 64, 12)],
        "plan": TracePlan(2, 2, 2, [0, 1]),
        "launches": [TraceLaunch([TraceStep(7, 0, 9.5, 9.5, busy_s)])],
        "bubble": bubble(timeline),
        "devices": device_usages(timeline, ["stage 0", "stage 1"]),
        "waterfall": [],
        "shown": (7, 0),
        "timeline": timeline_record(timeline, clock="wall"),
        "others": list(OTHERS),
        "totals": [],
        "warnings": [],
        "environment": {},
    }
    return TraceRecord(**(given | changes))
