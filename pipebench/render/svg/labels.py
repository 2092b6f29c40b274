"""What stands in the bars of a timeline: which action each one is, as long as there is room.

    |F0|F1|    |0|1|    | | |

All bars of a kind have the same form: the longest one that fits into most of them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipebench.plan.actions import Action
from pipebench.render.pieces import Kind, Piece
from pipebench.render.svg.plot import Plot
from pipebench.render.svg.words import width

LETTERS: Mapping[Kind, str] = {
    Kind.FORWARD: "F",
    Kind.BACKWARD: "B",
    Kind.BACKWARD_INPUT: "I",
    Kind.BACKWARD_WEIGHT: "W",
}
_SIZE = 9.0  # font size, as in ``style``
_MOST = 0.9  # of the bars of a kind
_LETTER_AND_SLICE, _SLICE, _NOTHING = range(3)


class Labels(NamedTuple):
    """The form of each kind's; ``chunks`` tells whether there are any to name."""

    plot: Plot
    chunks: bool
    forms: Mapping[Kind, int]

    @property
    def are_there(self) -> bool:
        """Whether any bar has one."""
        return any(form != _NOTHING for form in self.forms.values())

    def of(self, bar: Piece) -> str:
        """A bar's; empty where there is no room."""
        if bar.action is None:
            return ""
        words = _words(bar.kind, bar.action, self.forms.get(bar.kind, _NOTHING), chunks=self.chunks)
        return words if _fits(self.plot, bar, words) else ""


def labels_of(lanes: Sequence[Sequence[Piece]], plot: Plot, *, chunks: bool) -> Labels:
    """The labels of all bars."""
    if not plot.is_readable:
        return Labels(plot, chunks, {})
    bars = [bar for lane in lanes for bar in lane if bar.action is not None]
    return Labels(
        plot,
        chunks,
        {kind: _form([bar for bar in bars if bar.kind is kind], plot, chunks) for kind in LETTERS},
    )


def _form(bars: Sequence[Piece], plot: Plot, chunks: bool) -> int:
    for form in (_LETTER_AND_SLICE, _SLICE):
        named = [
            (bar, _words(bar.kind, bar.action, form, chunks=chunks)) for bar in bars if bar.action is not None
        ]
        if named and sum(_fits(plot, bar, words) for bar, words in named) >= _MOST * len(named):
            return form
    return _NOTHING


def _words(kind: Kind, action: Action, form: int, *, chunks: bool) -> str:
    slice_ = f"{action.microbatch}.{action.chunk}" if chunks else f"{action.microbatch}"
    return (f"{LETTERS.get(kind, '')}{slice_}", slice_, "")[form]


def _fits(plot: Plot, bar: Piece, words: str) -> bool:
    return width(words, _SIZE) <= plot.wide(bar.start_s, bar.end_s)
