from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.render.perfetto.counters import alive_events
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import small_timeline


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
