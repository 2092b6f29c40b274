from itertools import count

import pytest
import torch

from pipebench.config import RunOptions, resolve
from pipebench.models.text import data
from pipebench.runtime.baseline import Baseline, forms, race
from pipebench.runtime.device import CpuDevice
from pipebench.runtime.messages import Form
from pipebench.runtime.verification import relative_errors

CONFIG = resolve(
    RunOptions(gpus=1, synthetic=True, layers=3, hidden=12, vocab=30, batch=8, sequence_length=6)
)


def after_a_step(form: Form) -> Baseline:
    baseline = Baseline(form, CONFIG.workload, learning_rate=0.1)
    baseline.initialise(7)
    baseline.step(baseline.slice(data.load(CONFIG).batches[0]))
    return baseline


@pytest.mark.parametrize(
    "form", [Form("fused"), Form("chain-microbatches", 4), Form("chain-microbatches", 8)]
)
def test_every_form_computes_the_same_gradients(form: Form) -> None:
    expected, found = after_a_step(Form("chain")), after_a_step(form)
    assert found.loss() == pytest.approx(expected.loss(), rel=1e-5)
    assert found.gradients().keys() == expected.gradients().keys()
    errors, _ = relative_errors(expected.gradients(), found.gradients())
    assert max(errors.values()) <= 1e-5


def test_another_seed_is_another_model() -> None:
    one, other = (Baseline(Form("fused"), CONFIG.workload, learning_rate=0.1) for _ in range(2))
    one.initialise(1)
    other.initialise(2)
    assert not torch.equal(next(one.model.parameters()), next(other.model.parameters()))


def test_releasing_frees_every_gradient() -> None:
    baseline = after_a_step(Form("chain"))
    baseline.release()
    assert set(baseline.gradients().values()) == {None}


def test_only_counts_that_divide_the_batch_enter() -> None:
    workload = resolve(RunOptions(gpus=1, batch=12)).workload
    assert [form.microbatches for form in forms(workload)] == [1, 1, 2, 4]


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

    best, candidates = race(
        CONFIG.workload,
        data.load(CONFIG).batches[0],
        learning_rate=0.1,
        seed=0,
        device=CpuDevice(fake_clock),
        report=lambda form: current.append((form.kind, form.microbatches)),
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

    best, _ = race(
        CONFIG.workload,
        data.load(CONFIG).batches[0],
        learning_rate=0.1,
        seed=0,
        device=CpuDevice(fake_clock),
        report=current.append,
    )
    assert best == Form("chain-microbatches", 8)
