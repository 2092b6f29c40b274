from itertools import pairwise

import pytest

from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.render.svg.frame import Heading
from pipebench.render.svg.timeline import timeline_svg
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Span, Timeline
from tests.cells import PLANS, step_of_cells
from tests.render.svg.drawn import (
    assert_words_keep_apart,
    bars,
    elements,
    root_of,
    size_of,
    words,
)

HEADING = Heading("2 devices", "virtual time", "gpipe")


def timeline_of(
    schedule: str, graph: Graph, *, backward: float = 1.0, transfer: float = 0.0, forward: float = 1.0
) -> Timeline:
    return simulate(SCHEDULES[schedule].plan(graph), UniformCosts(forward, backward), latency_only(transfer))


def drawn(timeline: Timeline, heading: Heading = HEADING, name: str = "stage") -> str:
    return timeline_svg(timeline, heading, [f"{name} {device}" for device in range(timeline.graph.devices)])


def plot_ends(document: str) -> tuple[float, float]:
    """Where the axis of time begins and ends."""
    (axis,) = elements(document, "path", "axis")
    (first, *_) = elements(document, "path", "line")
    return (
        float(first.get("d", "").removeprefix("M").split()[0]),
        float(axis.get("d", "").removeprefix("M").split()[0]),
    )


def test_bars_lie_where_their_time_is() -> None:
    # 0F0 0-1, on the way 1-3, 1F0 3-4, 1B0 4-5, on the way 5-7, 0B0 7-8
    document = drawn(timeline_of("gpipe", Graph(2, 1), transfer=2.0))
    left, right = plot_ends(document)
    second = (right - left) / 8

    def times(class_: str) -> list[tuple[float, float]]:
        return [((box.left - left) / second, (box.right - left) / second) for box in bars(document, class_)]

    assert times("forward") == [pytest.approx((0, 1), abs=1e-3), pytest.approx((3, 4), abs=1e-3)]
    assert times("backward") == [pytest.approx((7, 8), abs=1e-3), pytest.approx((4, 5), abs=1e-3)]
    assert times("waiting") == [pytest.approx((1, 5), abs=1e-3)]
    assert times("transfer") == [pytest.approx((5, 7), abs=1e-3)]


def test_lanes_lie_below_each_other_in_the_devices_order() -> None:
    document = drawn(timeline_of("gpipe", Graph(3, 2)))
    tops = sorted({box.top for box in bars(document, "forward")})
    assert [after - before for before, after in pairwise(tops)] == [24, 24]
    assert {box.bottom - box.top for box in bars(document, "forward")} == {20}
    firsts = [min(box.left for box in bars(document, "forward") if box.top == top) for top in tops]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("microbatches", [3, 5000])
def test_the_bars_of_a_lane_are_as_wide_as_its_time_whether_they_are_merged_or_not(microbatches: int) -> None:
    timeline = timeline_of("gpipe", Graph(1, microbatches))
    document = drawn(timeline)
    left, right = plot_ends(document)
    found = [box for kind in ("forward", "backward") for box in bars(document, kind)]
    assert sum(box.right - box.left for box in found) == pytest.approx(right - left, abs=0.1)
    assert ("is not drawn by itself" in document) is (microbatches == 5000)


def test_what_is_merged_shows_what_took_most() -> None:
    # 2,000 forwards of 1 s, then 2,000 backwards of 3 s: no bar is half a pixel wide
    document = drawn(timeline_of("gpipe", Graph(1, 2000), backward=3.0))
    left, right = plot_ends(document)
    (forward,), (backward,) = bars(document, "forward"), bars(document, "backward")
    assert (forward.left, backward.right) == (left, right)
    assert forward.right == backward.left == pytest.approx(left + (right - left) / 4, abs=0.5)


def test_actions_are_named_where_there_is_room() -> None:
    few = drawn(timeline_of("gpipe", Graph(2, 2)))
    assert [each for each in words(few, "label") if len(each) > 1] == [
        *("F0", "F1", "B1", "B0"),
        *("F0", "F1", "B1", "B0"),
    ]
    assert "In the bars: the microbatch" in few
    some = drawn(timeline_of("gpipe", Graph(1, 24)))
    assert words(some, "label")[2:] == [str(n) for n in (*range(24), *reversed(range(24)))]
    many = drawn(timeline_of("gpipe", Graph(1, 200)))
    assert words(many, "label") == ["F", "B"]  # of the legend
    assert "In the bars" not in many


def test_chunks_are_named_too() -> None:
    document = drawn(timeline_of("wavefront", Graph(1, 1, 2)))
    assert words(document, "label")[2:] == ["F0.0", "F0.1", "B0.1", "B0.0"]
    assert "microbatch.chunk" in document


def test_the_halves_of_a_backward_are_told_apart() -> None:
    operations = (Operation.FORWARD, Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT)
    spans = tuple(Span(0, Action(each, 0, 0), n, n + 1) for n, each in enumerate(operations))
    document = drawn(Timeline(Graph(1, 1, split_backward=True), spans))
    assert words(document, "label") == ["F", "I", "W", "F0", "I0", "W0"]
    assert len(bars(document, "weights")) == 1
    assert words(document, "legend") == ["forward", "backward, inputs", "backward, weights", "blank: idle"]


def test_the_legend_has_the_kinds_that_there_are() -> None:
    assert words(drawn(timeline_of("gpipe", Graph(1, 1))), "legend") == ["forward", "backward", "blank: idle"]
    graph = Graph(2, 1)
    costs = MeasuredCosts(dict.fromkeys(graph.actions(), 4.0), before={0: 1.0}, after={0: 1.0})
    document = drawn(simulate(SCHEDULES["gpipe"].plan(graph), costs, latency_only(1.0)))
    assert words(document, "legend") == [
        *("forward", "backward", "waiting", "transfer", "zeroing, optimizer", "blank: idle")
    ]
    assert len(bars(document, "other")) == 2


def test_the_axis_ends_with_the_makespan() -> None:
    document = drawn(timeline_of("gpipe", Graph(2, 4), forward=0.02, backward=0.02))
    assert words(document, "makespan") == ["200 ms"]
    assert words(document, "tick") == ["0", "50", "100", "150"]
    assert "time from the start of the step, ms" in words(document)


def test_the_evidence_stands_beside_the_title_and_is_read_aloud() -> None:
    document = drawn(timeline_of("gpipe", Graph(2, 1)))
    assert words(document, "evidence") == ["virtual time"]
    assert words(document, "title") == ["2 devices"]
    title, description = root_of(document)[:2]
    assert title.text == "2 devices, virtual time"
    assert "one step, virtual time" in (description.text or "")


def test_each_device_is_told_in_words() -> None:
    document = drawn(timeline_of("gpipe", Graph(2, 1), transfer=2.0))
    lanes = elements(document, "g", "lane")
    assert [lane[0].text for lane in lanes] == [
        "device 0 (stage 0): busy 25 %, waiting 50 %, transfer 25 %, idle 0 %",
        "device 1 (stage 1): busy 25 %, waiting 0 %, transfer 0 %, idle 75 %",
    ]
    assert words(document, "busy") == ["25 %", "25 %"]


@pytest.mark.parametrize("devices", [1, 8, 20, 21, 64, 300, 1024])
@pytest.mark.parametrize(
    "name", ["", "漢字のとても長い名前と、さらに続く名前", "W" * 300], ids=["none", "long", "wide"]
)
def test_words_keep_apart_at_any_size(devices: int, name: str) -> None:
    heading = Heading(f"{name} title", "wall clock, cores shared", f"a plan {name} " * 9)
    timeline = timeline_of("gpipe", Graph(devices, 2), transfer=0.5)
    document = timeline_svg(timeline, heading, [name] * devices, [f"a remark {name}" * 3])
    assert_words_keep_apart(document)


@pytest.mark.parametrize("seconds", [1e-9, 1e-3, 1.0, 1e3, 1e15])
def test_words_keep_apart_at_any_length(seconds: float) -> None:
    document = drawn(timeline_of("1f1b", Graph(4, 8), forward=seconds, backward=seconds))
    assert_words_keep_apart(document)


def test_a_step_that_takes_no_time_is_drawn_all_the_same() -> None:
    document = drawn(timeline_of("gpipe", Graph(2, 2), forward=0.0, backward=0.0))
    assert words(document, "makespan") == ["0 s"]
    assert words(document, "busy") == ["-", "-"]
    assert_words_keep_apart(document)


def test_a_thousand_devices_fit_into_a_small_file() -> None:
    document = drawn(timeline_of("gpipe", Graph(1024, 8)))
    assert len(document.encode()) < 2_000_000
    assert len(elements(document, "g", "lane")) == 1024
    assert size_of(document)[1] < 1300


def test_the_worst_there_can_be_fits_into_a_small_file() -> None:
    """Forwards and backwards that alternate everywhere, so that no two neighbours can be drawn as one."""
    graph = Graph(256, 100)
    spans = [
        Span(device, Action(operation, device, microbatch), start := 2.0 * microbatch + half, start + 1)
        for device in range(256)
        for microbatch in range(100)
        for half, operation in ((0, Operation.FORWARD), (1, Operation.BACKWARD))
    ]
    assert len(drawn(Timeline(graph, tuple(spans))).encode()) < 2_000_000


def test_the_same_timeline_makes_the_same_bytes() -> None:
    one, other = (drawn(timeline_of("1f1b", Graph(4, 8), transfer=0.3)) for _ in range(2))
    assert one == other


def test_cells_are_drawn_as_one_and_told_by_their_slices() -> None:
    graph = Graph(1, 1, 8, split_backward=True)
    whole = (Action(operation, 0, 0, 0, None, 1, 8) for operation in graph.operations)
    document = drawn(
        simulate(Plan(graph, (tuple(whole),)), UniformCosts(1, backward_input=1, backward_weight=1))
    )
    assert words(document, "label") == ["F", "I", "W", "F0.0-7", "I0.0-7", "W0.0-7"]
    assert "In the bars: microbatch.chunk, counted from 0, from-to where several run as one." in document


@pytest.mark.parametrize("name", PLANS)
def test_a_step_with_cells_is_drawn(name: str) -> None:
    timeline = step_of_cells(PLANS[name])
    document = drawn(timeline)
    assert len(bars(document, "weights")) == sum(
        span.action.operation is Operation.BACKWARD_WEIGHT for span in timeline.spans
    )
    assert_words_keep_apart(document)
