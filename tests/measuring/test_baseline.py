import pytest
import torch
from msgspec import structs

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.launching.messages import Form
from pipebench.measuring.baseline import Baseline
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
