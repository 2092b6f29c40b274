from itertools import count

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.engine.device import CpuDevice
from pipebench.launching.messages import Form
from pipebench.measuring.race import forms, race
from tests.builders import network_of

NETWORK = network_of(
    resolve(RunOptions(gpus=1, synthetic=True, layers=3, hidden=12, vocab=30, batch=8, sequence_length=6))
)


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
