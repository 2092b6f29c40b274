"""What a shared softmax would bring, and what one costs that is shared for nothing."""

from typing import Any

import msgspec
import pytest

from pipebench.config.run_config import RunConfig
from pipebench.diagnosis import sharing
from pipebench.diagnosis.sharing import link_of, other_way
from pipebench.plan.actions import Operation
from pipebench.plan.cells import units_of
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.devices import LinkRecord, MachineRecord
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import run_config
from tests.diagnosis.test_warnings import UNEQUAL
from tests.diagnosis.test_warnings import found as warned

FREE = Link()


def config(**options: Any) -> RunConfig:
    """4 layers of 32 cells: 8 x 32 x 32 products a word each; 512 words: as many in the projection as in 2 layers."""
    given = {"gpus": 4, "layers": 4, "hidden": 32, "vocab": 512, "microbatches": 16, "schedule": "gpipe"}
    return run_config(**(given | options))


def step(asked: RunConfig, link: Link = FREE) -> Timeline:
    """A forward of a layer takes 1 s, of the whole projection 2 s; halves of a backward as long, a whole one twice."""
    outline, layout = asked.outline, asked.layout
    layer = outline.step_s(layout.parts[0], 1.0)
    seconds = {
        action: outline.step_s(layout.parts[action.stage], 1.0)
        / layer
        * (2 if action.operation is Operation.BACKWARD else 1)
        for action in asked.graph.actions()
    }
    plan = SCHEDULES[asked.schedule].plan(asked.graph)
    return simulate(plan, MeasuredCosts(seconds, after={0: 0.5}), link)


def test_the_projection_in_pieces_takes_its_time_off_the_last_device() -> None:
    asked = config()
    found = other_way(asked, step(asked), FREE)
    alone_s, shared_s = step(asked).makespan_s, step(config(softmax_devices="all")).makespan_s
    assert alone_s == pytest.approx(
        3 * 3 + 16 * 9 + 0.5, rel=1e-9
    )  # fill and drain, and the last device's own work
    assert found == pytest.approx(alone_s / shared_s, rel=1e-9)
    assert found == pytest.approx(153.5 / 83, rel=0.03)


def test_messages_are_simulated_with_the_link() -> None:
    asked = config()
    slow = Link(latency_s=1.0)
    assert other_way(asked, step(asked, slow), slow) < other_way(asked, step(asked), FREE) - 0.2  # type: ignore[operator]


def test_a_chain_that_waits_for_its_shards_is_better_off_without_them() -> None:
    """1f1b keeps its order, so each backward waits for shards that wait for what devices have begun."""
    asked = config(schedule="1f1b", vocab=64, softmax_devices="all")
    slower = other_way(asked, step(asked), FREE)
    assert slower is not None
    assert slower > 1.05
    gpipe = config(vocab=64, softmax_devices="all")
    faster = other_way(gpipe, step(gpipe), FREE)
    assert faster is not None
    assert faster < 1.0


def test_halves_of_a_backward_move_with_the_softmax_and_zb_h1_waits_for_it_as_1f1b_does() -> None:
    shared, alone = (
        config(schedule="zb-h1", vocab=64, softmax_devices="all"),
        config(schedule="zb-h1", vocab=64),
    )
    back, there = other_way(shared, step(shared), FREE), other_way(alone, step(alone), FREE)
    assert back == pytest.approx(step(shared).makespan_s / step(alone).makespan_s, rel=1e-9)
    assert there == pytest.approx(1 / back, rel=1e-9)
    assert back > 1.05


def test_a_cell_s_time_is_its_units() -> None:
    asked = config(schedule="zb-h1", chunks=2, softmax_devices="all")
    units = dict.fromkeys(asked.graph.actions(), 1.0)
    plan = SCHEDULES["zb-h1"].plan(asked.graph)
    cells = {a: float(len(units_of(plan.graph, a))) for program in plan.programs for a in program}
    assert max(cells.values()) > 1
    timeline = simulate(plan, MeasuredCosts(cells))
    assert sharing._of_units(timeline) == pytest.approx(units)
    assert other_way(asked, timeline, FREE) is not None


def test_of_an_order_that_has_to_be_searched_nothing_is_said() -> None:
    asked = config(schedule="wavefront-zb", microbatches=2, chunks=2)
    plan = SCHEDULES["wavefront-zb"].plan(asked.graph)
    cells = {a: float(a.slices) for program in plan.programs for a in program}
    assert other_way(asked, simulate(plan, MeasuredCosts(cells)), FREE) is None


def test_both_ways_are_each_others_inverse_where_shards_cost_what_they_hold() -> None:
    alone, shared = config(), config(softmax_devices="all")
    there, back = other_way(alone, step(alone), FREE), other_way(shared, step(shared), FREE)
    assert there is not None
    assert back is not None
    assert there * back == pytest.approx(1.0, rel=1e-9)


def test_what_every_shard_takes_whatever_its_words_is_paid_once_by_the_last_device() -> None:
    """Small products: each action of a shard takes 0.3 s more than its words do."""
    asked, alone = config(softmax_devices="all", vocab=128), config(vocab=128)
    taken = {span.action: span.end_s - span.start_s for span in step(asked).spans}
    shards = range(asked.graph.chain, asked.graph.last_stage)
    dear = {action: seconds + 0.3 * (action.stage in shards) for action, seconds in taken.items()}
    timeline = simulate(SCHEDULES["gpipe"].plan(asked.graph), MeasuredCosts(dear))
    faster = other_way(asked, timeline, FREE)
    assert faster is not None
    alone_s = step(alone).makespan_s - 0.5 + 0.3 * 2 * 16  # one product a slice and direction, not four
    assert faster == pytest.approx(timeline.makespan_s / alone_s, rel=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"gpus": 1},
        {"gpus": 1, "softmax_devices": "all"},
        {"gpus": 5, "partition": "1,1,1,1,0"},
        {"gpus": 6, "softmax_devices": "2"},
        {"gpus": 4, "vocab": 4, "hidden": 8, "layers": 4, "partition": "balanced"},
    ],
)
def test_where_there_is_no_other_way_nothing_is_said(options: dict[str, Any]) -> None:
    asked = config(**options)
    assert other_way(asked, step(asked), FREE) is None


def test_a_timeline_that_is_not_the_runs_tells_nothing() -> None:
    asked = config()
    odd = msgspec.structs.replace(asked, microbatches=8)
    assert other_way(odd, step(asked), FREE) is None


def test_the_link_is_at_the_scale_of_the_host() -> None:
    assert link_of(None) == Link()
    link = LinkRecord(1e-5, 1e10, 3e-5, 3e9, overhead_s=1e-6)
    machine = MachineRecord("2014", "K20", "a page", 1e12, 3e11, 3.0, link)
    assert link_of(machine) == Link(3e-5, 3e9, overhead_s=3e-6)
    assert link_of(msgspec.structs.replace(machine, link=None)) == Link()


# what a run says of it


def test_a_shared_softmax_is_offered_with_what_the_simulator_gives_it() -> None:
    remedy = warned(busy_s=(1.0, 2.0), other_way=1.254)["imbalance"][1]
    assert remedy.startswith(
        "try --softmax-devices all: the projection in pieces on all devices, by simulation at most 1.25x as fast, "
        "since small products cost more; or try --gpus 3"
    )
    for options in ({"other_way": 1.01}, {"other_way": None}):
        assert warned(busy_s=(1.0, 2.0), **options)["imbalance"][1].startswith("try --gpus 3")
    assert warned(busy_s=(2.0, 1.0), other_way=1.3)["imbalance"][1].startswith("a larger --hidden")


def test_a_softmax_that_is_shared_for_nothing_is_told() -> None:
    shared: dict[str, object] = {"softmax_devices": "all", "other_way": 1.27}
    cause, remedy = warned(**shared)["sharing-slows"]
    assert cause == "by simulation 1.27x as fast unshared (with the whole softmax on the last device)"
    assert remedy == "leave out --softmax-devices"
    assert warned(**shared, schedule="1f1b")["sharing-slows"][1].endswith("or use --schedule 1f1b-deep")
    assert warned(**shared, schedule="zb-h1")["sharing-slows"][1].endswith("or use --schedule wavefront-zb")
    assert warned(**(shared | {"other_way": 1.04})) == {}
    assert warned(other_way=1.27) == {}


@pytest.mark.parametrize(
    ("options", "busy_s", "remedy"),
    [
        ({"softmax_devices": "all", "layers": 4}, (1.0, 2.0), "try --partition balanced"),
        ({"softmax_devices": "all"}, (1.0, 2.0), "a larger --hidden makes LSTM layers weigh more"),
        ({"softmax_devices": "all"}, (2.0, 1.0), "a larger --hidden makes LSTM layers weigh more"),
        (
            {"softmax_devices": "all", "gpus": 4, "layers": 4},
            (1.0, 2.0, 1.0, 1.0),
            "a larger --hidden makes LSTM layers weigh more beside the loss",
        ),
        ({"softmax_devices": "1", "gpus": 3, "layers": 4}, (1.0, 2.0, 1.0), "try --partition balanced"),
        (
            {"softmax_devices": "1", "gpus": 3, "layers": 4},
            (1.0, 1.0, 2.0),
            "try --gpus 3 --softmax-devices all",
        ),
        (
            {"softmax_devices": "1", "gpus": 3, "layers": 4, "partition": "balanced"},
            (1.0, 2.0, 1.0),
            "try --gpus 3 --softmax-devices all: a piece of the projection on each device with layers",
        ),
        ({"softmax_devices": "1", "gpus": 3}, (4.0, 1.0, 1.0), "try --gpus 2 --softmax-devices all"),
        ({"softmax_devices": "4", "gpus": 6, "vocab": 4}, (9.0, 1.0), "try --gpus 2 --softmax-devices all"),
        (
            {"softmax_devices": "2", "gpus": 3, "layers": 4},
            (9.0, 1.0, 1.0),
            "try --gpus 3 --softmax-devices all: a piece of the projection on each device with layers",
        ),
        (
            {"softmax_devices": "3", "gpus": 4, "layers": 1},
            (1.0, 9.0, 1.0),
            "use more --layers, or leave out --softmax-devices",
        ),
        (
            {"softmax_devices": "all", "gpus": 3, "layers": 3},
            (1.0, 9.0, 1.0),
            "a larger --hidden makes LSTM layers weigh more",
        ),
    ],
)
def test_a_remedy_where_the_softmax_is_shared_is_one_that_a_run_takes(
    options: dict[str, object], busy_s: tuple[float, ...], remedy: str
) -> None:
    factors = UNEQUAL._replace(unequal=1.5)
    assert warned(busy_s=busy_s, factors=factors, **options)["imbalance"][1].startswith(remedy)
    words = dict(zip(*[iter(remedy.partition(":")[0].split()[1:])] * 2, strict=False))
    taken = {
        name.removeprefix("--").replace("-", "_"): value for name, value in words.items() if name[:2] == "--"
    }
    if taken and remedy.startswith("try"):
        run_config(**options | taken | {"gpus": int(taken.get("gpus", options.get("gpus", 2)))})


def translator(**options: Any) -> RunConfig:
    """4 pairs of layers of 32 cells on 4 devices: the projection takes as long as 2 layers of a side."""
    given = {"model": "seq2seq", "preset": "seq2seq-tiny", "layers": 4, "gpus": 4, "vocab": 512, "chunks": 2}
    return run_config(**(given | {"microbatches": 8, "schedule": "gpipe"} | options))


def translated(asked: RunConfig, link: Link = FREE) -> Timeline:
    """A forward of a layer takes 1 s in either segment of time, of the whole projection 2 s; the norm a tenth."""
    outline, graph = asked.outline, asked.graph
    layer = outline.step_s(asked.layout.parts[1], 1.0) / 2
    seconds = {}
    for action in graph.actions():
        part = asked.layout.parts[action.stage]
        ends = graph.segment_of(action.chunk) == 1
        head = outline.step_s(part._replace(end=part.first), 1.0)
        forward = part.layers + ends * head / layer
        kinds = {Operation.FORWARD: forward, Operation.BACKWARD: 2 * forward}
        seconds[action] = kinds.get(action.operation, 0.1)
    return simulate(SCHEDULES[asked.schedule].plan(graph), MeasuredCosts(seconds), link)


def test_of_two_segments_the_head_s_share_is_taken_off_the_one_that_has_it() -> None:
    alone, shared = translator(), translator(softmax_devices="all")
    for link in (FREE, Link(latency_s=0.5)):
        there = other_way(alone, translated(alone, link), link)
        back = other_way(shared, translated(shared, link), link)
        expected = translated(alone, link).makespan_s / translated(shared, link).makespan_s
        assert there == pytest.approx(expected, rel=1e-9)
        assert back == pytest.approx(1 / expected, rel=1e-9)
    assert expected > 1.1


def test_of_a_lone_projection_nothing_can_be_said() -> None:
    asked = translator(gpus=3, partition="2,2,0")
    assert other_way(asked, translated(asked), FREE) is None
