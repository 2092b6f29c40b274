"""Small charts as SVG, for the pages of the studies beside this file."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil

_WIDTH, _HEIGHT = 760, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 50
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


def lines(title: str, x_name: str, y_name: str, series: Mapping[str, Sequence[float]]) -> str:
    """One line a series over 1, 2, 3, ...; later ones are dashed, so that equal ones can be told apart."""
    most = max(map(len, series.values()))
    top = max(max(values) for values in series.values()) * 1.05
    parts = _frame(title, x_name, y_name, most, top)
    for number, (name, values) in enumerate(series.items()):
        points = " ".join(
            f"{_x(n, most):.1f},{_y(value, top):.1f}" for n, value in enumerate(values, start=1)
        )
        dash = f' stroke-dasharray="{4 * number} 4"' if number else ""
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')
        y = _TOP + 14 + 18 * number
        parts.append(
            f'<line x1="{_WIDTH - 270}" y1="{y}" x2="{_WIDTH - 240}" y2="{y}" stroke="{colour}"{dash}/>'
        )
        parts.append(f'<text x="{_WIDTH - 234}" y="{y + 4}">{escape(name)}</text>')
    return _svg(parts)


def intervals(title: str, x_name: str, rows: Sequence[tuple[str, float, float, float, float]]) -> str:
    """A row each: its name, a value between two ends, and a claim as a line across it."""
    height = 60 + 44 * len(rows)
    top = max(max(high, claimed) for _, _, _, high, claimed in rows) * 1.1
    left, right = 300, _WIDTH - 30

    def x(value: float) -> float:
        return left + (right - left) * value / top

    parts = [f'<text x="20" y="24" font-weight="bold">{escape(title)}</text>']
    for tick in range(ceil(top)):
        parts.append(
            f'<line x1="{x(tick):.1f}" y1="36" x2="{x(tick):.1f}" y2="{height - 24}" stroke="#ddd"/>'
        )
        parts.append(f'<text x="{x(tick):.1f}" y="{height - 8}" text-anchor="middle">{tick}x</text>')
    for number, (name, value, low, high, claimed) in enumerate(rows):
        y = 60 + 44 * number
        parts.append(f'<text x="20" y="{y + 4}">{escape(name)}</text>')
        parts.append(
            f'<line x1="{x(low):.1f}" y1="{y}" x2="{x(high):.1f}" y2="{y}" stroke="#1f77b4" stroke-width="6"/>'
        )
        parts.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="6" fill="#1f77b4"/>')
        parts.append(
            f'<line x1="{x(claimed):.1f}" y1="{y - 14}" x2="{x(claimed):.1f}" y2="{y + 14}" stroke="#d62728" '
            'stroke-width="3"/>'
        )
    parts.append(f'<text x="{right}" y="24" text-anchor="end">{escape(x_name)}</text>')
    return _svg(parts, height)


def _x(value: float, most: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (value - 1) / max(most - 1, 1)


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top


def _frame(title: str, x_name: str, y_name: str, most: int, top: float) -> list[str]:
    parts = [f'<text x="{_LEFT}" y="22" font-weight="bold">{escape(title)}</text>']
    step = 10 ** (len(str(int(top))) - 1)
    step = step / 2 if top / step < 3 else step
    value = 0.0
    while value <= top:
        y = _y(value, top)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        value += step
    below = _HEIGHT - _BOTTOM + 18
    parts += [
        f'<text x="{_x(max(number, 1), most):.1f}" y="{below}" text-anchor="middle">{number}</text>'
        for number in range(0, most + 1, max(most // 8, 1))
    ]
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(x_name)}</text>')
    parts.append(
        f'<text x="16" y="{_HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 16 {_HEIGHT / 2})">'
        f"{escape(y_name)}</text>"
    )
    return parts


def _svg(parts: Sequence[str], height: int = _HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
