"""One forward of one layer, with a state if it has one, and a check of what comes out."""

from typing import Any, NamedTuple

from torch import Tensor, nn

from pipebench.errors import UsageError
from pipebench.models.own.last_word import a, blamed
from pipebench.models.own.values import Value, checked, shapes


class Runner(NamedTuple):
    """A layer and what an error calls it, such as ``layer 1 (Block)``."""

    module: nn.Module
    text: str
    stateful: bool

    def run(self, value: Value, state: Any = None) -> tuple[Value, Any]:
        """The output, and the state after it (``None`` for a layer without).

        Raises:
            UsageError: The layer raises, its output is no tensor or tuple of tensors, or its state is missing or wrong.
        """
        arguments = (value, state) if self.stateful else (value,)
        with blamed(self.text, f"; it was given {shapes(value)}"):
            output = self.module(*arguments)
        if not self.stateful:
            return checked(output, f"the output of {self.text}"), None
        if not isinstance(output, tuple) or len(output) != 2:
            raise UsageError(
                f"{self.text} takes two arguments, so it has a state and must return (output, state); it returns"
                f" {a(output)}; return both, or make the second argument keyword-only"
            )
        self._check_state(output[1])
        return checked(output[0], f"the output of {self.text}"), output[1]

    def _check_state(self, state: object) -> None:
        """Refuse a state that is not a tensor, a tuple of tensors or a nest of such tuples."""
        if isinstance(state, tuple):
            for part in state:
                self._check_state(part)
        elif not isinstance(state, Tensor):
            raise UsageError(
                f"the state of {self.text} has {a(state)} in it; tensors and tuples of them are needed"
            )
