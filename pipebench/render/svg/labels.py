"""What stands in the bars of a timeline: which action each one is, as long as there is room.

    |F0|F1|    |0|1|    | | |    |W0-7|    |W|

All bars of a kind have the same form of label: the longest one that fits into most of them. Cells of several slices are
few, and each has a form of its own: its letter alone, where there is no room for its slices.
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
_MOST = 0.9  # of the bars of a kind must have room for a form
_LETTER_AND_SLICE, _SLICE, _NOTHING = range(3)


class Labels(NamedTuple):
    """The labels of all bars: one form for each kind.

    ``of_chunks`` is how many chunks a microbatch has; labels name the chunk where there are several. ``cells`` tells
    whether any cell of several slices has room for them.
    """

    plot: Plot
    of_chunks: int
    forms: Mapping[Kind, int]
    cells: bool = False

    @property
    def are_there(self) -> bool:
        """Whether any bar has a label."""
        return self.cells or any(form != _NOTHING for form in self.forms.values())

    def of(self, bar: Piece) -> str:
        """The label of a bar; empty where there is no room."""
        if bar.action is None:
            return ""
        if not _is_cell(bar):
            words = _words(bar.kind, bar.action, self.forms.get(bar.kind, _NOTHING), self.of_chunks)
            return words if _fits(self.plot, bar, words) else ""
        letter = LETTERS.get(bar.kind, "")
        whole = _words(bar.kind, bar.action, _LETTER_AND_SLICE, self.of_chunks)
        return next((words for words in (whole, letter) if self._has_room(bar, words)), "")

    def _has_room(self, bar: Piece, words: str) -> bool:
        return self.plot.is_readable and _fits(self.plot, bar, words)


def labels_of(lanes: Sequence[Sequence[Piece]], plot: Plot, *, of_chunks: int) -> Labels:
    """The labels of all bars."""
    if not plot.is_readable:
        return Labels(plot, of_chunks, {})
    bars = [bar for lane in lanes for bar in lane if bar.action is not None]
    units, cells = ([bar for bar in bars if _is_cell(bar) is wanted] for wanted in (False, True))
    forms = {kind: _form([bar for bar in units if bar.kind is kind], plot, of_chunks) for kind in LETTERS}
    whole = Labels(plot, of_chunks, forms)
    return whole._replace(cells=any(len(whole.of(bar)) > 1 for bar in cells))


def _is_cell(bar: Piece) -> bool:
    return bar.action is not None and bar.action.slices > 1


def _form(bars: Sequence[Piece], plot: Plot, of_chunks: int) -> int:
    for form in (_LETTER_AND_SLICE, _SLICE):
        named = [
            (bar, _words(bar.kind, bar.action, form, of_chunks)) for bar in bars if bar.action is not None
        ]
        if named and sum(_fits(plot, bar, words) for bar, words in named) >= _MOST * len(named):
            return form
    return _NOTHING


def _words(kind: Kind, action: Action, form: int, of_chunks: int) -> str:
    slices = action.slices_text(of_chunks=of_chunks)
    return (f"{LETTERS.get(kind, '')}{slices}", slices, "")[form]


def _fits(plot: Plot, bar: Piece, words: str) -> bool:
    return width(words, _SIZE) <= plot.wide(bar.start_s, bar.end_s)
