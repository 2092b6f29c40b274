"""The baseline: the strongest single-device form of the same training step, and the race that finds it.

* ``fused``: one multi-layer ``nn.LSTM`` on the whole batch;
* ``chain``: the layers one by one on the whole batch;
* ``chain-microbatches``: the chain with gradient accumulation, at the fastest of a few counts.

Which one wins changes with the machine, so it is measured, never assumed.
"""

import resource
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from pipebench.models.stacked_lstm.network import DTYPES, FusedLSTM, StackedLSTM
from pipebench.models.text.data import Batch
from pipebench.records.schema import Candidate
from pipebench.runtime.batches import StepBatch, slice_batch
from pipebench.runtime.device import RankDevice
from pipebench.runtime.messages import Form
from pipebench.runtime.optimizer import SGD
from pipebench.workload import Workload

_COUNTS = (2, 4, 8, 16)
_TRIES = 10
_FAULTY_TRIES = 3
_ENOUGH_S = 0.05
_FEW_FAULTS = 2000  # in a step; ten milliseconds at most
_CLOSE = 1.05  # a form slower than the best by more than this leaves the race after its first round


class Baseline:
    """One form of the baseline on one device."""

    def __init__(
        self, form: Form, workload: Workload, *, learning_rate: float, device: torch.device | None = None
    ) -> None:
        self.form, self.workload, self.device = form, workload, device
        self.model: FusedLSTM | StackedLSTM
        if form.kind == "fused":
            self.model = FusedLSTM(workload, device)
        else:
            self.model = StackedLSTM(workload, workload.whole, device)
        self.optimizer = SGD(self.model.parameters(), learning_rate)
        self._loss = torch.zeros((), dtype=DTYPES[workload.dtype], device=device)

    def initialise(self, seed: int) -> None:
        """Draw the parameters: the same as the pipeline's with this seed."""
        self.model.initialise(seed)

    def slice(self, batch: Batch) -> StepBatch:
        """A batch as this form takes it."""
        return slice_batch(batch, self.workload, microbatches=self.form.microbatches, device=self.device)

    def step(self, batch: StepBatch, *, update: bool = True) -> None:
        """One training step."""
        self.optimizer.zero_grad()
        self._loss.zero_()
        for (words_TB,), (targets_N,) in zip(batch.inputs, batch.targets, strict=True):
            loss = self._forward(words_TB, targets_N, batch.words)
            loss.backward()  # type: ignore[no-untyped-call]
            self._loss += loss.detach()
        if update:
            self.optimizer.step()

    def release(self) -> None:
        """Free the gradients between steps, so that every step meets the same heap."""
        self.optimizer.zero_grad()

    def loss(self) -> float:
        """The last step's loss, the mean a word."""
        return float(self._loss)

    def gradients(self) -> dict[str, Tensor | None]:
        """All parameters' gradients by name."""
        return {name: parameter.grad for name, parameter in self._parameters()}

    def _parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        if isinstance(self.model, FusedLSTM):
            return self.model.canonical_parameters()
        return self.model.named_parameters()

    def _forward(self, words_TB: Tensor, targets_N: Tensor, words: int) -> Tensor:
        if isinstance(self.model, FusedLSTM):
            loss: Tensor = self.model(words_TB, targets_N, words)
            return loss
        hidden_TBH, _ = self.model.hidden_states(words_TB, [None] * self.workload.layers)
        return self.model.loss(hidden_TBH, targets_N, words)


def page_faults() -> int:
    """Minor page faults of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def forms(workload: Workload) -> list[Form]:
    """What enters the race."""
    counts = [count for count in _COUNTS if workload.batch % count == 0]
    return [Form("fused"), Form("chain"), *(Form("chain-microbatches", count) for count in counts)]


def race(
    workload: Workload,
    batch: Batch,
    *,
    learning_rate: float,
    seed: int,
    device: RankDevice,
    report: Callable[[Form], None],
) -> tuple[Form, list[Candidate]]:
    """The fastest form, and all that was measured.

    Round 1 runs each form once, larger microbatch counts only while they gain; those near the best run
    once more. A step that met new memory pages pays for them and is run again, at most twice, or the form
    that happened to run first would lose; steps of milliseconds are repeated too. A form's time is its
    fastest step: what disturbs a step only makes it longer.
    """
    runs = _Runs(workload, batch, learning_rate=learning_rate, seed=seed, device=device, report=report)
    for form in forms(workload):
        if form.microbatches <= 4 or runs.best().microbatches == form.microbatches // 2:
            runs.measure(form)
    for form in runs.near_the_best():
        runs.measure(form)
    return runs.best(), runs.candidates()


class _Runs:
    """The race's bookkeeping: one baseline alive at a time, every step kept."""

    def __init__(
        self,
        workload: Workload,
        batch: Batch,
        *,
        learning_rate: float,
        seed: int,
        device: RankDevice,
        report: Callable[[Form], None],
    ) -> None:
        self.workload, self.batch, self.learning_rate, self.seed = workload, batch, learning_rate, seed
        self.device, self.report = device, report
        self.steps: dict[Form, list[float]] = {}

    def measure(self, form: Form) -> None:
        self.report(form)
        baseline = Baseline(form, self.workload, learning_rate=self.learning_rate, device=self.device.torch)
        baseline.initialise(self.seed)
        batch = baseline.slice(self.batch)
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
