"""The Transformer as the registry knows it. Pure."""

from typing import TYPE_CHECKING, ClassVar

from pipebench.errors import UsageError
from pipebench.models.kind import Asked, Given, given_words
from pipebench.models.text.data import Data
from pipebench.models.transformer.outline import PRESETS, TransformerOutline
from pipebench.plan.device_kind import DeviceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipebench.models.network import Network
    from pipebench.models.pairs.data import PairData


class TransformerKind:
    """A decoder-only Transformer: embedding, blocks, projection, on words."""

    name: ClassVar[str] = "transformer"
    presets: "ClassVar[Mapping[str, Mapping[str, int]]]" = PRESETS
    options: ClassVar[tuple[str, ...]] = (
        *("layers", "hidden", "heads", "vocab", "sequence_length"),
        *("text", "tokens", "synthetic", "softmax_devices"),
    )
    learning_rate: ClassVar[float] = 0.1
    clipping: ClassVar[float | None] = None
    even_chunks: ClassVar[bool] = True
    past_grows: ClassVar[bool] = True
    segments: ClassVar[int] = 1

    def outline(self, asked: Asked) -> TransformerOutline:
        """The model on paper, with computed operations and bytes.

        Raises:
            UsageError: The heads do not divide the width.
        """
        assert asked.hidden is not None
        assert asked.heads is not None
        assert asked.vocab is not None
        assert asked.sequence_length is not None
        if asked.hidden % asked.heads:
            raise UsageError(
                f"--hidden {asked.hidden}: expected a multiple of the {asked.heads} heads, each of which has an equal "
                "part of the width; give another --hidden or --heads"
            )
        copied = asked.dtype == "float32" and asked.device is not DeviceKind.CUDA  # until it is known
        return TransformerOutline(
            *(asked.layers, asked.hidden, asked.heads, asked.vocab, asked.batch, asked.sequence_length),
            dtype=asked.dtype,
            onednn=bool(asked.found and asked.found["onednn_projection"]),
            onednn_blocks=asked.found["onednn_blocks"] if asked.found else copied,
        )

    def given(self, asked: Asked) -> Given:
        """Read the text, or draw random words."""
        return given_words(asked)

    def network(self, asked: Asked, data: "Data | PairData | None") -> "Network":
        """The model in this process. Imports torch."""
        from pipebench.models.transformer.network import TransformerNetwork  # noqa: PLC0415 - torch

        assert isinstance(data, Data)
        return TransformerNetwork(self.outline(asked), asked, data)
