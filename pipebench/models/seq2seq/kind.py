"""The encoder-decoder LSTM as the registry knows it. Pure."""

from typing import TYPE_CHECKING, ClassVar, cast

from pipebench.models.kind import Asked, Given
from pipebench.models.pairs import data as pairs
from pipebench.models.seq2seq.outline import PRESETS, SEGMENTS, Seq2SeqOutline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipebench.models.network import Network
    from pipebench.models.pairs.asked import PairsAsked
    from pipebench.models.text.data import Data


class Seq2SeqKind:
    """Encoder and decoder of LSTM layers, on sentence pairs, as the paper trains it; a device has layers of both."""

    name: ClassVar[str] = "seq2seq"
    presets: "ClassVar[Mapping[str, Mapping[str, int]]]" = PRESETS
    options: ClassVar[tuple[str, ...]] = (
        *("layers", "hidden", "vocab", "source_vocab", "sequence_length"),
        *("source", "target", "pairs", "bucket", "tokens", "synthetic", "softmax_devices"),
    )
    learning_rate: ClassVar[float] = 0.7
    clipping: ClassVar[float | None] = 5.0
    even_chunks: ClassVar[bool] = False
    past_grows: ClassVar[bool] = False
    segments: ClassVar[int] = len(SEGMENTS)

    def outline(self, asked: Asked) -> Seq2SeqOutline:
        """The model on paper, with computed operations and bytes."""
        assert asked.hidden is not None
        assert asked.vocab is not None
        assert asked.source_vocab is not None
        assert asked.sequence_length is not None
        return Seq2SeqOutline(
            *(
                asked.layers,
                asked.hidden,
                asked.source_vocab,
                asked.vocab,
                asked.batch,
                asked.sequence_length,
            ),
            dtype=asked.dtype,
            onednn=bool(asked.found and asked.found["onednn_projection"]),
            clips=asked.clipping is not None,
            positions_read=asked.positions_read,
        )

    def given(self, asked: Asked) -> Given:
        """Read the sentence pairs, or draw random ones."""
        wanted = cast("PairsAsked", asked)
        data = pairs.load(wanted)
        first = data.batches[0]  # by which a host's speed is measured
        source, target = sum(first.source.lengths), asked.batch * max(first.target.lengths)
        return Given(data.source(wanted), data, (float(source), float(target)))

    def network(self, asked: Asked, data: "Data | pairs.PairData | None") -> "Network":
        """The model in this process. Imports torch."""
        from pipebench.models.seq2seq.network import Seq2SeqNetwork  # noqa: PLC0415 - torch

        assert isinstance(data, pairs.PairData)
        return Seq2SeqNetwork(self.outline(asked), asked, data)
