"""Steps whose backward is in halves, and that have cells: told as any other, and nothing foreseen that nobody knows."""

from dataclasses import replace
from math import prod

import pytest

from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.explaining import explanation
from pipebench.diagnosis.predictions import Predictions
from pipebench.diagnosis.remedies import Remedies
from pipebench.diagnosis.sentences import Sentences
from pipebench.diagnosis.step import Step, step_of
from pipebench.diagnosis.waterfall import Measured, waterfall
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES, Schedule
from pipebench.records.run import CompletedRun
from pipebench.timing.bounds import least_s
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.replay import replay_of
from pipebench.timing.simulator import simulate
from tests.builders import with_config
from tests.cells import PLANS, costs_of, record_of_cells
from tests.diagnosis.explained import Costs


def step(record: CompletedRun) -> Step:
    found = step_of(record)
    assert found is not None
    return found


def factors(plan: Plan, costs: MeasuredCosts) -> dict[str, float]:
    """Of a step without messages, against one device that does all of its work."""
    timeline = simulate(plan, MeasuredCosts(costs.actions))
    measured = Measured(sum(costs.actions.values()), timeline.makespan_s)
    return dict(waterfall(replay_of(timeline, ports=True), measured))


def changed(plan: Plan, **of: float) -> MeasuredCosts:
    """The costs without noise, a stage (``stage_2``) or a microbatch (``microbatch_3``) so many times as dear."""
    costs = dict(costs_of(plan).actions)
    for what, factor in of.items():
        name, number = what.split("_")
        for action in costs:
            if getattr(action, name) == int(number):
                costs[action] *= factor
    return MeasuredCosts(costs)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("clock", ["virtual", "wall"])
def test_the_factors_multiply_up_to_the_measured_speed_up(name: str, clock: str) -> None:
    record = record_of_cells(PLANS[name], clock=clock)
    found = dict(step(record).waterfall)
    assert prod(found.values()) == pytest.approx(record.speedup.value, rel=1e-9)
    assert found[steps.UNEXPLAINED] == pytest.approx(1.0, abs=1e-9)
    assert found[steps.TRANSFERS] < 1
    figures = step(record).factors
    assert figures is not None
    assert figures.speedup == pytest.approx(record.speedup.value, rel=1e-9)


@pytest.mark.parametrize("name", PLANS)
def test_where_all_is_alike_only_the_schedule_loses(name: str) -> None:
    plan, costs = PLANS[name], changed(PLANS[name])
    found, devices = factors(plan, costs), plan.graph.devices
    even = {"zero bubble": (steps.STAGES, steps.SLICES, steps.VARIATION), "wavefront": (steps.SLICES,)}[name]
    for each in (*even, steps.TRANSFERS, steps.HOST, steps.WORK):
        assert found[each] == pytest.approx(1.0), each
    if name == "zero bubble":
        bound_s, took_s = least_s(plan.graph, costs.actions), simulate(plan, costs).makespan_s
        assert found[steps.FILL] == pytest.approx(sum(costs.actions.values()) / devices / bound_s)
        assert found[steps.WAITING] == pytest.approx(bound_s / took_s)


def test_a_stage_that_takes_longer_is_a_stage() -> None:
    plan = PLANS["zero bubble"]
    found = factors(plan, changed(plan, stage_2=1.5))
    equal = {action: 4.5 / 4 * each_s for action, each_s in changed(plan).actions.items()}
    least, most = (
        simulate(plan, MeasuredCosts(costs)).makespan_s
        for costs in (equal, changed(plan, stage_2=1.5).actions)
    )
    assert found[steps.STAGES] == pytest.approx(least / most)
    assert found[steps.SLICES] == found[steps.VARIATION] == pytest.approx(1.0)


def test_a_microbatch_that_takes_longer_is_a_slice() -> None:
    plan = PLANS["zero bubble"]
    found = factors(plan, changed(plan, microbatch_3=2.0))
    assert found[steps.STAGES] == found[steps.VARIATION] == pytest.approx(1.0)
    equal = {action: 9 / 8 * each_s for action, each_s in changed(plan).actions.items()}
    longer = changed(plan, microbatch_3=2.0)
    least, most = (simulate(plan, costs).makespan_s for costs in (MeasuredCosts(equal), longer))
    assert found[steps.SLICES] == pytest.approx(least / most)


def test_only_what_is_known_of_halves_and_cells_is_foreseen() -> None:
    for plan in PLANS.values():
        record = with_config(record_of_cells(plan), batch=32)
        found = Predictions(record, step(record))
        assert not found.foresees
        assert [found.fewer_slices(), found.more_slices(), found.larger_slices()] == [None] * 3
        assert [found.more_of_the_same(), found.other_schedule()] == [None] * 2


def test_another_partition_is_foreseen_in_the_order_of_the_record() -> None:
    """Layers of 1, 2, 1 and 4 on the devices: two each would be equal, but for what the ends have beside them."""
    plan = PLANS["zero bubble"]
    slow = changed(plan, stage_1=2.0, stage_3=4.0)
    record = record_of_cells(plan)
    timeline = simulate(plan, slow)
    config = {"layers": 8, "partition": [1, 2, 1, 4]}
    replay = replay_of(timeline, ports=True)
    found = Predictions(with_config(record, **config), step(record)._replace(replay=replay)).balanced()
    assert found is not None
    twice = {action: 2 * each_s for action, each_s in changed(plan).actions.items()}
    assert found.times == pytest.approx(timeline.makespan_s / simulate(plan, MeasuredCosts(twice)).makespan_s)


@pytest.mark.parametrize("name", PLANS)
def test_remedies_do_not_say_that_nothing_would_help_where_nobody_knows(name: str) -> None:
    record = record_of_cells(PLANS[name])
    remedies = Remedies(record, step(record), name="latest")
    for loss in (steps.WORK, steps.FILL, steps.WAITING):
        remedy = remedies.of(loss, 0.5)
        assert remedy is not None
        assert (remedy.gain, remedy.command) == (None, None)
        assert remedy.text.endswith("is not known before it is measured")


@pytest.mark.parametrize("name", PLANS)
def test_a_run_with_cells_is_explained(name: str) -> None:
    record = record_of_cells(PLANS[name])
    found = explanation(record, "latest")
    assert found.replay.steps[0].simulated_s == pytest.approx(found.replay.steps[0].measured_s, rel=1e-12)
    assert found.what_if
    work = next(each for each in found.waterfall if each.step == steps.WORK)
    slices = PLANS[name].graph.microbatches * PLANS[name].graph.chunks
    assert work.what.startswith(f"the work of {slices} slices with backwards in halves takes 1.2")


def test_the_last_chunk_against_the_first_by_what_is_of_one_of_them_alone() -> None:
    """Every unit and cell of the last chunk takes thrice as long by slice; W of all chunks tells nothing of it."""
    record = record_of_cells(PLANS["wavefront"])
    seen = step(record)
    sentences = Sentences(record, seen, dict(seen.waterfall))
    lengths = {
        action: action.slices * (3.0 if action.chunk + action.chunks == 8 and action.chunk else 1.0)
        for action in seen.replay.lengths
    }
    assert sentences._last_chunk(lengths) == pytest.approx(3.0)


def test_no_schedule_that_needs_halves_is_recommended_to_one_that_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def best(graph: Graph) -> Plan:
        """Nothing to do: it would win."""
        return Plan(graph, tuple(() for _ in range(graph.devices)))

    record = with_config(Costs(schedule="wavefront").record(), batch=32, sequence_length=1)
    before = Predictions(record, step(record)).other_schedule()
    monkeypatch.setitem(SCHEDULES, "halves", Schedule("halves", "", best, 1, 1, splits_backward=True))
    assert Predictions(record, step(record)).other_schedule() == before


def test_a_graph_in_halves_without_a_cell_is_not_foreseen_either() -> None:
    record = record_of_cells(PLANS["zero bubble"])
    seen = step(record)
    assert all(action.slices == 1 for action in seen.replay.lengths)
    assert not Predictions(record, seen).foresees
    whole = Graph(4, 8)
    plain = replace(
        seen.replay,
        plan=SCHEDULES["gpipe"].plan(whole),
        lengths=dict.fromkeys(whole.actions(), 1.0),
        overheads={},
        messages={},
    )
    asked = with_config(record, schedule="gpipe", cell="fused")
    assert Predictions(asked, seen._replace(replay=plain)).foresees
