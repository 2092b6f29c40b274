"""The baseline: one form of the same training step on a single device."""

import torch

from pipebench.launching.messages import Form
from pipebench.models.network import Beside, Gradients, Network, StepBatch, beyond, gradients_of


class Baseline:
    """One form of the baseline on one device, with the same first parameters as the pipeline."""

    def __init__(self, form: Form, network: Network, device: torch.device | None = None) -> None:
        self.form, self.network, self.device = form, network, device
        self.model = network.form(form.kind, device)
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = network.optimizer(trained)
        self._beyond = beyond(self.optimizer, trained)
        self._loss = torch.zeros((), dtype=network.dtype, device=device)

    def batch(self, number: int) -> StepBatch:
        """Batch ``number``, cut as this form takes it."""
        return self.network.batch(number, microbatches=self.form.microbatches, device=self.device)

    def step(self, batch: StepBatch, *, update: bool = True) -> None:
        """Run one training step."""
        self.release()
        self._loss.zero_()
        for (input_,), (target,) in zip(batch.inputs, batch.targets, strict=True):
            output, _ = self.model.run(input_, None, Beside(0, target, 1 / batch.divisor))
            loss = self.model.loss(output, target) / batch.divisor
            loss.backward()  # type: ignore[no-untyped-call]
            self._loss += loss.detach()
        if update:
            self.optimizer.step()

    def release(self) -> None:
        """Free the gradients, so that every step meets the same heap."""
        self.optimizer.zero_grad()
        for parameter in self._beyond:
            parameter.grad = None

    def loss(self) -> float:
        """The last step's loss, as the mean over all items that count."""
        return float(self._loss)

    def gradients(self) -> Gradients:
        """All trained parameters' gradients by name."""
        return gradients_of(self.model)
