from itertools import count, pairwise

import msgspec
import pytest

from pipebench.config import RunOptions
from pipebench.plan.actions import COMPUTE
from pipebench.plan.graph import Graph, inputs_of
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.resolving import resolve
from pipebench.runtime.emulator import EmulatedPipeline, interleave
from pipebench.timing.links import Link, latency_only
from tests.builders import network_of, plan_by_hand

CONFIG = resolve(
    RunOptions(
        gpus=4, synthetic=True, layers=4, hidden=8, vocab=20, batch=4, sequence_length=4, microbatches=4
    )
)

NETWORK = network_of(CONFIG)


def pipeline(order: str = "dependence") -> EmulatedPipeline:
    ticks = count()
    return EmulatedPipeline(
        add_transfers(SCHEDULES["gpipe"].plan(CONFIG.graph)),
        NETWORK,
        CONFIG.layout,
        order=order,
        clock=lambda: float(next(ticks)),
    )


def batch() -> object:
    return NETWORK.batch(0, microbatches=4)


@pytest.mark.parametrize("order", ["dependence", "device"])
def test_every_action_is_timed_once_and_nothing_falls_between(order: str) -> None:
    costs = pipeline(order).step(batch())
    assert set(costs.actions) == set(CONFIG.graph.actions())
    everything = [*costs.actions.values(), *costs.before.values(), *costs.after.values()]
    assert everything == [1.0] * (2 * 4 * 4 + 4 + 4)  # the fake clock ticks once a reading


def test_the_timeline_is_the_simulator_fed_with_the_measured_costs() -> None:
    emulated = pipeline()
    timeline = emulated.timeline(emulated.step(batch()), latency_only(0.5))
    # one tick each: zero_grad, then GPipe with F = B = 1, two sweeps with 3 hops each, the optimizer
    assert timeline.makespan_s == pytest.approx(1 + 2 * (4 + 3) + 2 * 3 * 0.5 + 1, rel=1e-12)


def test_messages_pay_for_their_bytes() -> None:
    emulated = pipeline()
    one_activation = 4 * 1 * 8 * 4  # time steps x sequences x hidden x bytes
    timeline = emulated.timeline(emulated.step(batch()), Link(latency_s=0.0, bytes_per_s=one_activation / 3))
    assert {t.end_s - t.start_s for t in timeline.transfers} == {3.0}


def test_a_step_without_update_leaves_the_parameters() -> None:
    emulated = pipeline()
    before = [p.clone() for model in emulated.parts for p in model.parameters()]
    assert not emulated.step(batch(), update=False).after
    after = [p for model in emulated.parts for p in model.parameters()]
    assert all((a == b).all() for a, b in zip(after, before, strict=True))


def test_priming_takes_one_microbatch_and_leaves_no_gradient() -> None:
    emulated = pipeline()
    emulated.prime(batch())
    assert all(gradient is None for gradient in emulated.gradients().values())
    emulated.step(batch())
    assert all(gradient is not None for gradient in emulated.gradients().values())


def test_priming_takes_all_microbatches_where_some_run_as_one_cell() -> None:
    """And leaves no gradient, no parameter changed, and nothing that a step does not expect."""
    config = msgspec.structs.replace(CONFIG, schedule="zb-h1", gpus=1, partition=(4,), cell="split")
    forwards = " ".join(f"0F{m} 0I{m}" for m in range(4))
    plan = add_transfers(plan_by_hand(config.graph, f"{forwards} 0W0-3"))
    emulated, other = (EmulatedPipeline(plan, NETWORK, config.layout, cell="split") for _ in range(2))
    before = {name: value.clone() for name, value in emulated.parameters().items()}
    emulated.prime(batch())
    assert all(gradient is None for gradient in emulated.gradients().values())
    assert all((value == before[name]).all() for name, value in emulated.parameters().items())
    for each in (emulated, other):
        each.step(batch())
    assert emulated.loss() == other.loss()
    pairs = zip(emulated.gradients().values(), other.gradients().values(), strict=True)
    assert all((a == b).all() for a, b in pairs)


@pytest.mark.parametrize("order", ["dependence", "device"])
@pytest.mark.parametrize("schedule", ["gpipe", "1f1b", "wavefront"])
def test_interleaving_keeps_programs_and_dependences(schedule: str, order: str) -> None:
    plan = add_transfers(SCHEDULES[schedule].plan(Graph(4, 6, 2)))
    merged = interleave(plan, order)
    for device, program in enumerate(plan.programs):
        mine = [action for owner, action in merged if owner == device]
        assert mine == [action for action in program if action.operation in COMPUTE]
    done = set()
    for _, action in merged:
        assert done.issuperset(inputs_of(plan.graph, action))
        done.add(action)


def test_device_order_stays_on_a_device_as_long_as_it_can() -> None:
    plan = add_transfers(SCHEDULES["gpipe"].plan(Graph(3, 4)))
    switches = {order: changes([d for d, _ in interleave(plan, order)]) for order in ("device", "dependence")}
    assert switches["device"] == 2 * (3 - 1)  # a forward sweep up and a backward sweep down
    assert switches["device"] < switches["dependence"]


def changes(devices: list[int]) -> int:
    return sum(a != b for a, b in pairwise(devices))
