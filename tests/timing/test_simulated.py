from dataclasses import replace

from pipebench.plan.graph import Graph
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import latency_only
from pipebench.timing.simulated import Simulated
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import plan_of, small_timeline


def plain(timeline: Timeline) -> Timeline:
    """The same, with all that it holds there from the start."""
    return Timeline(timeline.graph, timeline.spans, timeline.transfers, timeline.other)


def test_it_is_made_when_it_is_asked_for_and_once() -> None:
    calls = []
    whole = small_timeline()
    made = Simulated.of(
        whole.graph,
        lambda: calls.append("spans") or whole.spans,
        lambda: calls.append("transfers") or whole.transfers,
        whole.other,
        makespan_s=whole.makespan_s,
    )
    assert made.makespan_s == 9.5
    assert calls == []
    assert made.spans is made.spans is whole.spans
    assert calls == ["spans"]
    assert made.transfers is made.transfers is whole.transfers
    assert calls == ["spans", "transfers"]


def test_it_is_equal_to_any_timeline_of_the_same_and_to_no_other() -> None:
    timeline = small_timeline()
    assert isinstance(timeline, Simulated)
    assert timeline == plain(timeline) == small_timeline()
    assert plain(timeline) == timeline
    assert hash(timeline) == hash(plain(timeline))
    assert timeline != simulate(plan_of("gpipe", 2, 2), UniformCosts(1, 2), latency_only(0.5))
    assert timeline != "a timeline"
    fewer = replace(timeline, spans=timeline.spans[1:])
    assert fewer != timeline
    assert fewer.spans == timeline.spans[1:]
    assert fewer.transfers == timeline.transfers


def test_its_makespan_is_the_one_that_its_work_has() -> None:
    for stages, microbatches in ((1, 1), (3, 5), (5, 2)):
        timeline = simulate(plan_of("1f1b", stages, microbatches), UniformCosts(1, 2), latency_only(0.5))
        assert timeline.makespan_s == plain(timeline).makespan_s > 0
    free = simulate(plan_of("gpipe", 2, 2), UniformCosts(0, 0))
    assert free.makespan_s == plain(free).makespan_s == 0.0
    assert free.graph == Graph(2, 2)
