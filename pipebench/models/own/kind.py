"""The user's own layers as the registry knows them. Pure."""

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pipebench.models.kind import Asked, Given
from pipebench.models.outline import Doubt, Source
from pipebench.models.own.outline import OwnOutline
from pipebench.warning_codes import WarningCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipebench.models.network import Network
    from pipebench.models.pairs.data import PairData
    from pipebench.models.text.data import Data


class OwnKind:
    """What ``--model FILE.py:NAME`` names."""

    name: ClassVar[str] = "own"
    presets: "ClassVar[Mapping[str, Mapping[str, int]]]" = MappingProxyType({})
    options: ClassVar[tuple[str, ...]] = ()
    learning_rate: ClassVar[float] = 0.1
    clipping: ClassVar[float | None] = None
    even_chunks: ClassVar[bool] = True
    past_grows: ClassVar[bool] = True
    segments: ClassVar[int] = 1

    def outline(self, asked: Asked) -> OwnOutline:
        """The layers on paper, as the process that loaded them described them."""
        assert asked.described is not None, "a model of the user's own is described before it is asked"
        return OwnOutline(asked.described)

    def given(self, asked: Asked) -> Given:
        """The source of the batches. There is no data: every process makes the batches itself, from the seed."""
        described = asked.described
        assert described is not None
        return Given(
            Source(
                kind="own",
                sha256=described.input_sha256,
                unit=described.unit,
                items=described.items,
                count_rule=f"{described.unit} as the model counts them",
                doubts=tuple(
                    Doubt(WarningCode.OWN_MODEL, notice, "check that this is meant")
                    for notice in described.notices
                ),
            ),
            None,
        )

    def network(self, asked: Asked, data: "Data | PairData | None") -> "Network":  # noqa: ARG002 - it makes its own
        """The model in this process. Imports torch."""
        from pipebench.models.own.network import OwnNetwork  # noqa: PLC0415 - torch

        return OwnNetwork(self.outline(asked), asked)
