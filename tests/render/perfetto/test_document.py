"""Committed records of every kind as traces, read by a strict reader."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from time import process_time

import pytest

from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import messages_of
from pipebench.records import documents, store
from pipebench.records.timelines import timeline_record
from pipebench.render.perfetto.document import file_a_rank, one_file
from pipebench.render.perfetto.step import ShownStep, shown_step
from pipebench.render.pieces import kind_of
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from tests.builders import completed_record, simulation_record
from tests.render.perfetto.recorded import OTHERS, recorded
from tests.render.perfetto_reader import Found, Trace, read

RESULTS = Path(__file__).parents[3] / "results"
COMMITTED = {
    "emulated": "schedules/20261124-170234-emulated8-1f1b-19661b.json",
    "cpu ranks": "two-ranks/real/20261124-111938-cpu2-gpipe-ba95fd.json",
    "cpu ranks with chunks": "emulation-accuracy/hidden-256/wavefront/real/20261124-125458-cpu2-wavefront-49df37.json",
    "chunks": "schedules/20261124-170234-emulated8-wavefront-5dee26.json",
    "shared softmax": "where-the-time-goes/gpipe-4-shared/20261126-174239-emulated8-gpipe-merged-a9d944.json",
    "split backwards and cells": "best-schedule/20261127-150757-emulated8-wavefront-zb-c93356.json",
    "segments and a norm": "buckets/4-microbatches-bucket/20261126-130438-emulated8-wavefront-79ea45.json",
    "ranks whose clocks differ": "one-gpu/ranks/20261126-000942-cuda4-wavefront-81d4c4.json",
    "one GPU": "full-size-2014/one-gpu/20261126-173523-cuda1-wavefront-05f64d.json",
}
MADE = {
    "simulated": simulation_record(),
    "built": completed_record(),
    "of another program": recorded(),
}
KINDS = [*COMMITTED, *MADE]


@cache
def record_of(kind: str) -> documents.AnyRecord:
    return MADE[kind] if kind in MADE else store.read(RESULTS / COMMITTED[kind])


@cache
def of(kind: str) -> tuple[ShownStep, Trace]:
    step = shown_step(record_of(kind), kind)
    return step, read(one_file(step))


def shift_ns(kind: str) -> int:
    return 500_000_000 if kind == "of another program" else 0


def near(found_ns: int, seconds: float, pieces: int = 1) -> bool:
    return abs(found_ns - seconds * 1e9) <= 0.5 + pieces


@pytest.mark.parametrize("kind", KINDS)
def test_every_action_is_there_once_with_its_times(kind: str) -> None:
    step, trace = of(kind)
    actions = [each for each in trace.slices if "action" in each.args]
    found = {(each.pid, each.args["action"]): each for each in actions}
    assert len(found) == len(actions) == len(step.timeline.spans)
    for device, action, start_s, end_s in step.timeline.spans:
        each = found[device, step.timeline.graph.text(action)]
        assert near(each.start_ns - shift_ns(kind), start_s)
        assert near(each.end_ns - shift_ns(kind), end_s)
        assert each.name == each.args["action"]
        assert each.args["stage"] == action.stage
        assert each.cat == kind_of(action.operation).replace(",", "")


@pytest.mark.parametrize("kind", KINDS)
def test_the_stored_spans_are_the_slices(kind: str) -> None:
    stored = record_of(kind).timeline
    assert stored is not None
    _, trace = of(kind)
    texts = Counter(each.args["action"] for each in trace.slices if "action" in each.args)
    assert not Counter(span.action for span in stored.spans) - texts
    assert set(texts.values()) == {1}


@pytest.mark.parametrize("kind", KINDS)
def test_waiting_and_transfer_come_to_the_record_s_figures(kind: str) -> None:
    _, trace = of(kind)
    for usage in record_of(kind).devices:
        for cat, seconds in (("waiting", usage.waiting_s), ("transfer", usage.transfer_s)):
            pieces = len(trace.of(usage.device, cat))
            assert near(trace.sum_ns(usage.device, cat), seconds, pieces), (usage.device, cat)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_leads_from_producer_to_consumer_for_every_message(kind: str) -> None:
    step, trace = of(kind)
    graph, spans = step.timeline.graph, step.timeline.span_of
    expected = Counter(
        (graph.text(spans[m.producer].action), graph.text(spans[m.consumer].action))
        for m in messages_of(graph)
        if m.travels
    )
    found = Counter((flow.start.args["action"], flow.end.args["action"]) for flow in trace.flows)
    assert found == expected
    for flow in trace.flows:
        assert flow.start.pid != flow.end.pid
        assert flow.over is None or (flow.over.pid, flow.over.cat) == (flow.start.pid, "message")
        first, number = flow.start.args.get("microbatch"), flow.start.args.get("microbatches", 1)
        words = flow.name.split()
        assert (
            words == ["norm", "of", "the", "gradients"]
            if first is None
            else int(words[1]) in range(first, first + number)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_messages_are_there_with_their_times(kind: str) -> None:
    step, trace = of(kind)
    found = {
        (each.args["result_of"], each.args["needed_by"]): each
        for each in trace.slices
        if each.cat == "message"
    }
    text = step.timeline.graph.text
    assert len(found) == len(step.timeline.transfers)
    for message, _, start_s, end_s in step.timeline.transfers:
        each = found[text(message.producer), text(message.consumer)]
        assert near(each.start_ns - shift_ns(kind), start_s)
        assert near(each.end_ns - shift_ns(kind), max(start_s, end_s))
        assert (each.pid, each.args["to_device"]) == (message.sender, message.receiver)


@pytest.mark.parametrize("kind", KINDS)
def test_the_counter_peaks_at_the_record_s_activations(kind: str) -> None:
    _, trace = of(kind)
    for usage in record_of(kind).devices:
        values = trace.counters[usage.device, "activations alive"]
        assert max(value for _, value in values) == usage.activations_alive


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [
        ("emulated", "(emulated, virtual time)"),
        ("cpu ranks", "(wall clock)"),
        ("one GPU", "(wall clock, CUDA events)"),
        ("simulated", "(simulated)"),
        ("of another program", "(wall clock, recorded by another program)"),
    ],
)
def test_every_device_says_how_its_times_came_to_be(kind: str, evidence: str) -> None:
    step, trace = of(kind)
    for device in range(step.timeline.graph.devices):
        assert trace.processes[device] == f"device {device}: {step.layers[device]} {evidence}"
    assert f"({trace.other_data['times']})" == evidence
    assert trace.other_data["made_by"] == "pipebench"


def test_what_another_program_did_beside_has_lanes_of_its_own() -> None:
    _, trace = of("of another program")
    others = [each for each in trace.slices if each.cat == "other operation"]
    expected = {
        "0ZERO": (0, 250),
        "1SEND_B0": (4750, 6000),
        "1ALLREDUCE": (5500, 6500),
        "1OPTIMIZER": (10_000, 10_500),
    }
    assert {each.name: (each.start_ns / 1e6, each.end_ns / 1e6) for each in others} == expected
    assert len(others) == len(OTHERS)
    lanes = {each.name: trace.lanes[each.pid, each.tid] for each in others}
    assert lanes["1SEND_B0"] == lanes["1OPTIMIZER"] == "other operations"
    assert lanes["1ALLREDUCE"] == "other operations 2"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_a_rank_has_what_its_device_did(kind: str) -> None:
    step, whole = of(kind)
    documents = list(file_a_rank(step))
    assert len(documents) == step.timeline.graph.devices
    for rank, document in enumerate(documents):
        assert f'"rank": {rank}, "world_size": {len(documents)}'.encode() in document
        trace = read(document)
        assert not trace.flows
        kernels = [each for each in trace.slices if each.cat == "kernel"]
        assert {each.args["stream"] for each in kernels} == {each.tid for each in kernels}
        assert not any("stream" in each.args for each in trace.slices if each.cat != "kernel")
        assert times(trace.slices) == times(each for each in whole.slices if each.pid == rank)
        busy_ns = sum(each.end_ns - each.start_ns for each in kernels)
        assert near(busy_ns, step.timeline.usage(rank).busy_s, len(kernels))


def times(slices: "list[Found] | object") -> list[tuple[int, ...]]:
    return [each[:4] for each in slices]  # type: ignore[attr-defined]


def test_the_same_record_gives_the_same_bytes() -> None:
    step = shown_step(completed_record(), "x")
    assert one_file(step) == one_file(step)
    assert json.loads(one_file(step))["otherData"]["clock"] == "virtual"


def test_a_hundred_thousand_actions_take_seconds() -> None:
    plan = SCHEDULES["1f1b"].plan(Graph(8, 6250))
    timeline = simulate(plan, UniformCosts(1e-3, 2e-3), latency_only(1e-4))
    assert len(timeline.spans) == 100_000
    stored = timeline_record(timeline, clock="simulated")
    step = ShownStep(timeline, [""] * 8, "simulated", {}, [each.bytes for each in stored.transfers])
    start_s = process_time()
    document = one_file(step)
    assert process_time() - start_s < 15
    assert document.count(b'"ph": "X"') > 187_000
