"""The race of the single-device forms: which of them the baseline is.

* ``fused``: all layers in one call on the whole batch, where the model has such a call;
* ``chain``: the layers one by one on the whole batch;
* ``chain-microbatches``: the chain with gradient accumulation, at the fastest of a few counts.

Which one wins changes with the machine, so it is measured, never assumed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch

from pipebench.config.budget import baseline_counts
from pipebench.config.fitting import forms_that_fit
from pipebench.engine.device import RankDevice
from pipebench.launching.messages import Form
from pipebench.measuring.allocator import page_faults
from pipebench.measuring.baseline import Baseline
from pipebench.models.network import Network
from pipebench.models.outline import Outline
from pipebench.records.figures import Candidate

_TRIES = 10
_FAULTY_TRIES = 3
_ENOUGH_S = 0.05
_FEW_FAULTS = 2000  # in a step; ten milliseconds at most
_CLOSE = 1.05  # a form slower than the best by more than this leaves the race after its first round


class TooBigError(Exception):
    """No form of the model fits on the device."""


def forms(outline: Outline, memory_bytes: int | None = None) -> list[Form]:
    """What enters the race: what fits on one device."""
    counts = forms_that_fit(outline, baseline_counts(outline), memory_bytes)
    found = [Form(kind) for kind in outline.forms if kind != "chain-microbatches" and 1 in counts]
    if "chain-microbatches" in outline.forms:
        found += [Form("chain-microbatches", count) for count in counts if count > 1]
    return found


class Race(NamedTuple):
    """What came of it: the fastest form, all that was measured, and what did not fit."""

    best: Form
    candidates: list[Candidate]
    too_big: list[Form]


def race(
    network: Network,
    device: RankDevice,
    report: Callable[[Form], None],
    *,
    memory_bytes: int | None = None,
) -> Race:
    """Find the fastest form.

    Round 1 runs each form once. Counts of microbatches above 4 run only if half as many was the best so far. Forms near
    the best run once more. A step that met new memory pages pays for them. It is run again, at most twice, or the form
    that happened to run first would lose. Steps of milliseconds are repeated too. A form's time is its fastest step,
    since what disturbs a step only makes it longer.

    Args:
        network: the model.
        device: where it runs.
        report: hears of each form before it runs.
        memory_bytes: of the device, if forms that need more are to be left out.

    Raises:
        TooBigError: No form fits.
    """
    runs = _Runs(network, device, report)
    for form in forms(network.outline, memory_bytes):
        if form.microbatches <= 4 or not runs.steps or runs.best().microbatches == form.microbatches // 2:
            runs.measure(form)
    if not runs.steps:
        raise TooBigError
    for form in runs.near_the_best():
        runs.measure(form)
    return Race(runs.best(), runs.candidates(), runs.too_big)


class _Runs:
    """The race's bookkeeping: one baseline alive at a time, every step kept."""

    def __init__(self, network: Network, device: RankDevice, report: Callable[[Form], None]) -> None:
        self.network, self.device, self.report = network, device, report
        self.steps: dict[Form, list[float]] = {}
        self.too_big: list[Form] = []

    def measure(self, form: Form) -> None:
        """Run a form; one that finds no room on the device leaves the race."""
        self.report(form)
        try:
            self._measure(form)
        except torch.OutOfMemoryError:
            self.steps.pop(form, None)
            self.too_big.append(form)
        if form in self.too_big:
            self.device.give_back()

    def _measure(self, form: Form) -> None:
        baseline = Baseline(form, self.network, self.device.torch)
        batch = baseline.batch(0)
        steps = self.steps.setdefault(form, [])
        if self.device.warms_up and not steps:
            baseline.step(batch)
            baseline.release()
        spent = 0.0
        for number in range(_TRIES):
            faults = page_faults()
            steps.append(self.device.seconds(partial(baseline.step, batch)))
            spent += steps[-1]
            baseline.release()
            if spent >= _ENOUGH_S and (page_faults() - faults < _FEW_FAULTS or number + 1 >= _FAULTY_TRIES):
                break

    def best(self) -> Form:
        return min(self.steps, key=lambda form: min(self.steps[form]))

    def near_the_best(self) -> Sequence[Form]:
        limit = _CLOSE * min(self.steps[self.best()])
        return [form for form, steps in self.steps.items() if min(steps) <= limit]

    def candidates(self) -> list[Candidate]:
        return [
            Candidate(kind=form.kind, microbatches=form.microbatches, step_s=steps, rounds=len(steps))
            for form, steps in self.steps.items()
        ]
