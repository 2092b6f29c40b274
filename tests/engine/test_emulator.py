from itertools import count

import msgspec
import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
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
