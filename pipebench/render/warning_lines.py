"""A warning on one line: its code, its cause and the next step, as far as they fit.

    imbalance: device 7 (LSTM 7 + projection) is busy 1.40x the mean, and sets the pace: ... -> try ...: ...
    imbalance: device 7 is busy 1.40x the mean -> try --softmax-devices all

Clauses are left out from the end, then what stands in brackets. No word is cut, and the next step stays. A line that
does not fit even then wraps.
"""

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from pipebench.records.schema import WarningRecord
from pipebench.render.commands import parted, unbroken
from pipebench.render.inert import inert
from pipebench.render.layout import Facts, fitting

_LABEL = "warning"
_COLUMN = len(_LABEL) + 2
_BRACKETS = re.compile(r" \([^()]*\)")
_CLAUSE = re.compile(r"[:;] ")
_CAUSE_S_PART = re.compile(r", (?:and|which|since|so|but) ")
_STEP_S_PART = re.compile(r", (?:or|which) ")


def warning_lines(warnings: Sequence[WarningRecord], console: Console) -> Facts:
    """A line for each warning, or several where its shortest form is too wide; a command has a line of its own."""
    room = console.width - _COLUMN
    rows: list[tuple[str, Text]] = []
    for each in warnings:
        rows.append((_LABEL, _styled(each, fitting(console, room, forms(each)))))
        rows += [("", unbroken(command)) for command in parted(each.next_step).commands]
    return Facts(*rows)


def forms(warning: WarningRecord) -> list[str]:
    """The warning in fewer and fewer words: the next step is shortened before the cause, and never left out.

    A command that the next step ends with is no part of it.
    """
    causes = _shorter(inert(warning.cause), _CAUSE_S_PART)
    steps = _shorter(inert(parted(warning.next_step).words), _STEP_S_PART)
    code = inert(warning.code)
    return [f"{code}: {cause} -> {step}" for cause in causes for step in (steps[0], steps[-1])]


def _shorter(text: str, part: re.Pattern[str]) -> list[str]:
    """The text, its first clause, that clause without brackets, and the first part of this."""
    clause = _CLAUSE.split(text)[0]
    plain = _BRACKETS.sub("", clause)
    return [text, clause, plain, part.split(plain)[0]]


def _styled(warning: WarningRecord, line: str) -> Text:
    text = Text(line)
    text.stylize("bold yellow", 0, len(inert(warning.code)))
    return text
