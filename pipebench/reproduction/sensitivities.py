"""How the prediction moves with each figure, and which assumption carries it. Pure.

One GPU has the paper's words/s under every assumption: the efficiency is fitted anew. What the paper states (its batch,
and how it cuts a step) is varied with the efficiency that fits the paper's own values.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import exp, log

from pipebench.errors import UsageError
from pipebench.records.on_paper import Point, Sensitivity
from pipebench.reproduction.assumptions import Assumptions
from pipebench.reproduction.claims import CLAIMS
from pipebench.reproduction.predicting import predicted
from pipebench.reproduction.varied import Value, Varied, varied

_STRIDE = 4.0  # a factor of the figure, on the way to where the paper's ratio is met
_STRIDES = 12
_CLOSER = 5  # halvings between the two values that it lies between


def sensitivities(base: Assumptions) -> list[Sensitivity]:
    """All figures: assumptions first, those that move the ratio most before the others; then what the paper states."""
    found = [_sensitivity(base, each) for each in varied(base)]
    return sorted(found, key=lambda each: (each.of != "assumption", -each.spread))


def extremes(base: Assumptions) -> tuple[float, float]:
    """The ratio with every assumption at its worst, and at its best, together."""
    worst, best = base, base
    for each in varied(base):
        if each.of == "assumption":
            values = sorted(each.values, key=lambda value: _point(base, value).ratio)
            worst, best = replace(worst, **values[0].changes), replace(best, **values[-1].changes)
    return predicted(worst).ratio, predicted(best).ratio


def carried_by(found: Sequence[Sensitivity]) -> str:
    """Which assumption moves the ratio most, in words."""
    first, second, *others = (each for each in found if each.of == "assumption")
    most = 100 * (max((each.spread for each in others), default=1.0) - 1)
    low, high = (extreme(first.points, key=lambda point: point.ratio) for extreme in (min, max))
    met = f" At {first.meets.label} it would be the paper's {first.meets.ratio:.2f}x." if first.meets else ""
    return (
        f"What carries the prediction is {first.text}: {low.label} gives {low.ratio:.2f}x, {high.label} gives "
        f"{high.ratio:.2f}x. Next is {second.text}, {second.low:.2f}x to {second.high:.2f}x; "
        f"no other assumption moves it by more than {most:.1f} %.{met}"
    )


def _sensitivity(base: Assumptions, each: Varied) -> Sensitivity:
    points = [_point(base, value) for value in each.values]
    low, high = (extreme(point.ratio for point in points) for extreme in (min, max))
    return Sensitivity(
        name=each.name,
        text=each.text,
        of=each.of,
        why=each.why,
        points=points,
        low=low,
        high=high,
        spread=high / low,
        meets=_meets(base, each.at, points) if each.at else None,
    )


def _point(base: Assumptions, value: Value) -> Point:
    assumed = replace(base, **value.changes)
    prediction = predicted(assumed)
    return Point(
        label=value.label,
        value=value.number,
        used=assumed == base,
        one_gpu_words_per_s=prediction.one_gpu_words_per_s,
        words_per_s=prediction.words_per_s,
        ratio=prediction.ratio,
    )


def _meets(base: Assumptions, at: Callable[[float], Value], points: Sequence[Point]) -> Point | None:
    """Where the ratio would be the paper's: looked for from the used value on, in strides, then closer and closer."""
    goal = CLAIMS["paper"].ratio
    used = next(point for point in points if point.used)
    best = min(points, key=lambda point: abs(point.ratio - goal))
    if best is used:
        return None
    assert used.value is not None
    assert best.value is not None
    factor = _STRIDE if best.value > used.value else 1 / _STRIDE
    before = used
    for _ in range(_STRIDES):
        assert before.value is not None
        try:
            after = _point(base, at(before.value * factor))
        except UsageError:  # one GPU could not have the paper's words/s
            factor **= 0.5
            continue
        if (before.ratio - goal) * (after.ratio - goal) <= 0:
            return _between(base, at, before, after, goal)
        before = after
    return None


def _between(base: Assumptions, at: Callable[[float], Value], one: Point, other: Point, goal: float) -> Point:
    """The point between two others that has the ratio ``goal``: by halving the factor, then by a straight line."""
    for _ in range(_CLOSER):
        middle = _point(base, at(_at(one, other, 0.5)))
        one, other = (middle, other) if (middle.ratio - goal) * (one.ratio - goal) > 0 else (one, middle)
    return _point(base, at(_at(one, other, (goal - one.ratio) / (other.ratio - one.ratio or 1.0))))


def _at(one: Point, other: Point, share: float) -> float:
    assert one.value
    assert other.value
    return exp(log(one.value) + share * (log(other.value) - log(one.value)))
