from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.render.perfetto.counters import alive_events
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Span, Timeline
from tests.builders import program, small_timeline


def values(timeline: Timeline, device: int, shift_ns: int = 0) -> list[tuple[object, object]]:
    found = list(alive_events(timeline, device, shift_ns))
    assert {(each.ph, each.name, each.pid) for each in found} == {("C", "activations alive", device)}
    return [(each.ts, each.args["slices"]) for each in found]  # type: ignore[index]


def test_a_forward_keeps_until_its_backward_has_ended() -> None:
    assert values(small_timeline(), 0) == [(0.0, 0), (1e6, 1), (2e6, 2), (7.5e6, 1), (9.5e6, 0)]
    assert values(small_timeline(), 0, shift_ns=500)[:2] == [(0.5, 0), (1e6 + 0.5, 1)]


def test_a_backward_in_halves_frees_with_its_second_half() -> None:
    plan = SCHEDULES["zb-h1"].plan(Graph(2, 2, split_backward=True))
    timeline = simulate(plan, UniformCosts(1.0, backward_input=1.0, backward_weight=1.0))
    for device in range(2):
        found = values(timeline, device)
        assert len(found) == 1 + 2 + 2, "F and W count, I does not"
        assert max(value for _, value in found) == timeline.activations_alive(device)  # type: ignore[type-var]
        assert found[-1][1] == 0


def test_a_cell_counts_the_slices_in_which_its_stage_lives() -> None:
    graph = Graph(2, 1, 2, split_backward=True, segments=2, lives=((0, 1), (1,)))
    actions = program("1F0.1 1I0.1 1W0.0-1")  # of its chunks the stage has the second one alone
    spans = tuple(Span(1, action, float(at), at + 1.0) for at, action in enumerate(actions))
    assert values(Timeline(graph, spans), 1) == [(0.0, 0), (1e6, 1), (3e6, 0)]
