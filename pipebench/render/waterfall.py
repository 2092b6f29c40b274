"""The waterfall on a terminal: what the speed-up loses from step to step, and what would win it back.

                                           factor  speed-up
    devices                                  8.00     8.00x  ████████████████████████
    slices cost more than the whole batch  x 0.79     6.36x  ███████████████████░░░░░
    stages of unequal cost                 x 0.71     4.54x  ██████████████░░░░░

A bar ends at the speed-up that is left; what the step lost is light, what it won is dotted. The signs differ, so that
the picture reads without colour. Below 72 columns a step takes two lines.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf, log, prod
from operator import mul
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.text import Text

from pipebench.diagnosis.waterfall import DEVICES, UNEXPLAINED, Factor
from pipebench.plurals import counted
from pipebench.records.explanation import WaterfallStep
from pipebench.render.commands import Parted, parted, unbroken
from pipebench.render.layout import NARROW, Words
from pipebench.render.tables import needs_ascii

_FACTOR, _SPEEDUP, _GAP = 7, 9, 2
_LEAST_BAR, _MOST_BAR = 8, 60
_TELLING = 0.005  # a factor nearer to 1 than this needs no words
_IN_SHORT = 0.01  # a factor nearer to 1 than this is not named in the short form


class Sign(NamedTuple):
    """How a piece of a bar is drawn."""

    glyph: str
    plain: str
    style: str


LEFT, LOST, WON = Sign("█", "#", "blue"), Sign("░", "-", "red"), Sign("▒", "+", "green")


class Waterfall:
    """The table with its bars, as wide as the console."""

    def __init__(self, steps: Sequence[WaterfallStep], *, total: str = "speed-up", unit: str = "x") -> None:
        self.steps, self.total, self.unit = steps, total, unit
        self.speedups = list(accumulate((step.factor for step in steps), mul))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        width, plain = options.max_width, needs_ascii(console)
        names = max(len(step.step) for step in self.steps)
        narrow = width < NARROW
        beside = (2 if narrow else names) + _FACTOR + _SPEEDUP + 2 * _GAP
        room = min(max(width - beside - 1, 0), _MOST_BAR)
        head = f"{'':<{2 if narrow else names}}{'factor':>{_FACTOR + _GAP}}{self.total:>{_SPEEDUP}}"
        yield _line(Text(head, "bold"))
        most = max(self.speedups)
        before = 0.0
        for step, speedup in zip(self.steps, self.speedups, strict=True):
            if narrow:
                yield from Words(step.step).__rich_console__(console, options)
            name = "  " if narrow else f"{step.step:<{names}}"
            factor = f"{step.factor:.2f}" if step.step == DEVICES else f"x {step.factor:.2f}"
            text = Text(f"{name}{factor:>{_FACTOR + _GAP}}{f'{speedup:.2f}{self.unit}':>{_SPEEDUP}}")
            if room >= _LEAST_BAR:
                text.append("  ")
                text.append_text(_bar(before or speedup, speedup, most, room, plain=plain))
            yield _line(text)
            before = speedup
        if room >= _LEAST_BAR:
            signs = ((LEFT, "left"), (LOST, "lost"), (WON, "won"))
            entries = [f"{sign.plain if plain else sign.glyph} {name}" for sign, name in signs]
            yield _line(Text("  ".join(entries), "dim"))


def _bar(before: float, after: float, most: float, room: int, *, plain: bool) -> Text:
    """A bar up to the smaller of the two speed-ups, then what was lost or won up to the larger one."""
    ends = [round(room * value / most) for value in sorted((before, after))]
    low, high = ends
    text = Text()
    for sign, cells in ((LEFT, low), (LOST if after < before else WON, high - low)):
        text.append((sign.plain if plain else sign.glyph) * cells, style=sign.style)
    return text


def reasons(steps: Sequence[WaterfallStep]) -> Group:
    """What each step stands for, and what would win it back."""
    parts: list[RenderableType] = []
    telling = [step for step in steps if abs(step.factor - 1) >= _TELLING or step is steps[-1]]
    for step in telling:
        parts.append(Words(Text.assemble((step.step, "bold"), f": {step.what}"), indent=2))
        if step.remedy is not None:
            words, found = _remedy(step.remedy, step.command)
            parts.append(Words(f"  -> {words}", indent=5))
            parts += [Words(unbroken(f"{'':<5}{command}")) for command in found]
    silent = [step.step for step in steps if step not in telling]
    if silent:
        parts.append(Words(f"nothing to speak of: {', '.join(silent)}", indent=2))
    return Group(*parts)


def _remedy(text: str, command: str | None) -> Parted:
    """What may help, and the command that does it, which the text begins or ends with."""
    if command is not None and text.startswith(f"{command}: "):
        return Parted(f"{text.removeprefix(f'{command}: ')}:", (command,))
    return parted(text)


def in_short(steps: Sequence[Factor], devices: int, baseline_devices: int = 1) -> str:
    """The factors that are not about 1, each by name, and the others as one: ``8 devices x 0.79 (...) = 3.44x``."""
    factors = steps[1:]
    named = [each for each in factors if abs(each.factor - 1) >= _IN_SHORT]
    rest = prod(each.factor for each in factors if each not in named)
    told = "".join(f" x {each.factor:.2f} ({each.step})" for each in named)
    over = f" / {baseline_devices} of the baseline" if baseline_devices > 1 else ""
    whole = prod(each.factor for each in steps)
    return f"{counted(devices, 'device')}{over}{told} x {rest:.2f} (all else) = {whole:.2f}x"


def largest(steps: Sequence[Factor], devices: int, baseline_devices: int = 1, *, most: int = 3) -> list[str]:
    """A line for the devices, one for each of the factors that change most, in their order, and one for all else.

    The unexplained factor is a part of all else. Each line ends with its factor and the speed-up that is left, the last
    one with the speed-up itself::

        8 devices                                      8.00x
        slices cost more than the whole batch  x 0.79  6.36x
        all else                               x 0.54  3.44x
    """
    over = f" / {baseline_devices} of the baseline" if baseline_devices > 1 else ""
    telling = [each for each in steps[1:] if abs(each.factor - 1) >= _IN_SHORT and each.step != UNEXPLAINED]
    named = sorted(telling, key=lambda each: -abs(log(each.factor)) if each.factor > 0 else -inf)[:most]
    kept = [each for each in steps[1:] if each in named]
    rest = prod(each.factor for each in steps[1:] if each not in kept)
    names = [f"{counted(devices, 'device')}{over}", *(each.step for each in kept), "all else"]
    factors = [each.factor for each in (steps[0], *kept)] + [rest]
    width = max(map(len, names))
    told = ["", *(f"x {factor:.2f}" for factor in factors[1:])]
    left = [f"{speedup:.2f}x" for speedup in accumulate(factors, mul)]
    ends = max(map(len, left))
    return [
        f"{name:<{width}}  {factor:<6}  {speedup:>{ends}}"
        for name, factor, speedup in zip(names, told, left, strict=True)
    ]


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ignore"
    return text
