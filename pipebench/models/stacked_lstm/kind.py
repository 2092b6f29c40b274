"""The stacked LSTM as the registry knows it. Pure."""

from typing import TYPE_CHECKING, ClassVar

from pipebench.models.kind import Asked, Given, given_words
from pipebench.models.stacked_lstm.outline import PRESETS, LSTMOutline
from pipebench.models.text.data import Data
from pipebench.plan.device_kind import DeviceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipebench.models.network import Network
    from pipebench.models.pairs.data import PairData


_REFERENCE_LAYERS = (
    2  # the speed found is 3 to 4 % below that of all the preset's layers, in a quarter of the time
)


def reference() -> Asked:
    """The model to measure a host's speed on, if the run's own model has no known operations.

    It has the default sizes and fewer layers.
    """
    sizes = next(iter(PRESETS.values()))
    return Asked(
        model=StackedLSTMKind.name,
        layers=_REFERENCE_LAYERS,
        hidden=sizes["hidden"],
        vocab=sizes["vocab"],
        batch=sizes["batch"],
        sequence_length=sizes["sequence_length"],
        dtype="float32",
        microbatches=1,
        chunks=1,
        text=None,
        tokens="words",
        synthetic=True,
        seed=0,
        device=DeviceKind.CPU,
    )


class StackedLSTMKind:
    """Embedding, LSTM layers, projection, on words."""

    name: ClassVar[str] = "stacked-lstm"
    presets: "ClassVar[Mapping[str, Mapping[str, int]]]" = PRESETS
    options: ClassVar[tuple[str, ...]] = (
        *("layers", "hidden", "vocab", "sequence_length"),
        *("text", "tokens", "synthetic", "softmax_devices"),
    )

    learning_rate: ClassVar[float] = 0.1
    clipping: ClassVar[float | None] = None
    even_chunks: ClassVar[bool] = True
    past_grows: ClassVar[bool] = False
    segments: ClassVar[int] = 1

    def outline(self, asked: Asked) -> LSTMOutline:
        """The model on paper, with computed operations and bytes."""
        assert asked.hidden is not None
        assert asked.vocab is not None
        assert asked.sequence_length is not None
        return LSTMOutline(
            *(asked.layers, asked.hidden, asked.vocab, asked.batch, asked.sequence_length),
            dtype=asked.dtype,
            onednn=bool(asked.found and asked.found["onednn_projection"]),
        )

    def given(self, asked: Asked) -> Given:
        """Read the text, or draw random words."""
        return given_words(asked)

    def network(self, asked: Asked, data: "Data | PairData | None") -> "Network":
        """The model in this process. Imports torch."""
        from pipebench.models.stacked_lstm.network import StackedLSTMNetwork  # noqa: PLC0415 - torch

        assert isinstance(data, Data)
        return StackedLSTMNetwork(self.outline(asked), asked, data)
