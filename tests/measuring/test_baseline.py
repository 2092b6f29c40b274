from itertools import count

import pytest
import torch
from msgspec import structs

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.engine.device import CpuDevice
from pipebench.launching.messages import Form
from pipebench.measuring.baseline import Baseline, forms, race
from pipebench.measuring.verification import relative_errors
from tests.builders import network_of

CONFIG = resolve(
    RunOptions(gpus=1, synthetic=True, layers=3, hidden=12, vocab=30, batch=8, sequence_length=6)
)

NETWORK = network_of(CONFIG)


def after_a_step(form: Form) -> Baseline:
    baseline = Baseline(form, NETWORK)
    baseline.step(baseline.batch(0))
    return baseline


@pytest.mark.parametrize(
    "form", [Form("fused"), Form("chain-microbatches", 4), Form("chain-microbatches", 8)]
)
def test_every_form_computes_the_same_gradients(form: Form) -> None:
    expected, found = after_a_step(Form("chain")), after_a_step(form)
    assert found.loss() == pytest.approx(expected.loss(), rel=1e-5)
    assert found.gradients().keys() == expected.gradients().keys()
    errors, *_ = relative_errors(expected.gradients(), found.gradients())
    assert max(errors.values()) <= 1e-5


def test_another_seed_is_another_model() -> None:
    one, other = (Baseline(Form("fused"), network_of(structs.replace(CONFIG, seed=seed))) for seed in (1, 2))
    assert not torch.equal(next(one.model.parameters()), next(other.model.parameters()))


def test_releasing_frees_every_gradient() -> None:
    baseline = after_a_step(Form("chain"))
    baseline.release()
    assert set(baseline.gradients().values()) == {None}


def test_only_counts_that_divide_the_batch_enter() -> None:
    outline = resolve(RunOptions(gpus=1, batch=12)).outline
    assert [form.microbatches for form in forms(outline)] == [1, 1, 2, 4]


def test_the_race_keeps_the_fastest_and_drops_the_slow_early() -> None:
    costs = {
        ("fused", 1): 3.0,
        ("chain", 1): 2.0,
        ("chain-microbatches", 2): 2.05,
        ("chain-microbatches", 4): 9.0,
    }
    clock, current = count(), []

    def fake_clock() -> float:
        """Readings come in pairs around a step: 0, then the cost of the form that ran."""
        return 0.0 if next(clock) % 2 == 0 else costs[current[-1]]

    best, candidates, _ = race(
        NETWORK,
        CpuDevice(fake_clock),
        lambda form: current.append((form.kind, form.microbatches)),
    )
    assert best == Form("chain")
    rounds = {(c.kind, c.microbatches): c.rounds for c in candidates}
    assert rounds == {
        ("fused", 1): 1,
        ("chain", 1): 2,
        ("chain-microbatches", 2): 2,
        ("chain-microbatches", 4): 1,
    }


def test_the_race_goes_on_to_more_microbatches_while_they_gain() -> None:
    clock, current = count(), []

    def fake_clock() -> float:
        return 0.0 if next(clock) % 2 == 0 else 1 / current[-1].microbatches

    best, *_ = race(NETWORK, CpuDevice(fake_clock), current.append)
    assert best == Form("chain-microbatches", 8)
