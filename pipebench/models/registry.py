"""The models that a run can measure: one line each. Pure; what a model runs on is imported when it runs."""

from typing import TYPE_CHECKING

from pipebench.errors import UsageError
from pipebench.models.kind import Asked, Given, ModelKind
from pipebench.models.outline import Outline
from pipebench.models.own.kind import OwnKind
from pipebench.models.references import is_own
from pipebench.models.seq2seq.kind import Seq2SeqKind
from pipebench.models.stacked_lstm.kind import StackedLSTMKind, reference
from pipebench.models.transformer.kind import TransformerKind

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "given_to",
    "kind_of",
    "network_for",
    "outline_of",
    "past_grows",
    "reference",
]

if TYPE_CHECKING:
    from pipebench.models.network import Network
    from pipebench.models.pairs.data import PairData
    from pipebench.models.text.data import Data

_BUILT_IN: tuple[ModelKind, ...] = (StackedLSTMKind(), TransformerKind(), Seq2SeqKind())
MODELS = {kind.name: kind for kind in _BUILT_IN}
DEFAULT_MODEL = next(iter(MODELS))
_OWN = OwnKind()


def kind_of(model: str) -> ModelKind:
    """Look a model up.

    Raises:
        UsageError: There is no such model; the text lists those there are.
    """
    if is_own(model):
        return _OWN
    try:
        return MODELS[model]
    except KeyError:
        raise UsageError(
            f"unknown --model {model!r}: expected {', '.join(MODELS)}, or FILE.py:NAME or package.module:NAME for "
            "layers of your own"
        ) from None


def past_grows(name: str) -> bool:
    """Whether a later chunk may have more to do than an earlier one, in a model that a record knows by this name."""
    return MODELS.get(name, _OWN).past_grows


def outline_of(asked: Asked) -> Outline:
    """The model of a run on paper."""
    return kind_of(asked.model).outline(asked)


def given_to(asked: Asked) -> Given:
    """The input of a run.

    Raises:
        UsageError: It is missing, or not what it should be.
    """
    return kind_of(asked.model).given(asked)


def network_for(asked: Asked, data: "Data | PairData | None") -> "Network":
    """The model of a run in this process. Imports torch."""
    return kind_of(asked.model).network(asked, data)
