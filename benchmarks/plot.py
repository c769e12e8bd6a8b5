"""A line plot as SVG on logarithmic axes: enough for a page of documentation, and no library for it."""

from __future__ import annotations

import math
from html import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 420, 60, 50, 20, 200
_COLOURS = ("#c1121f", "#555555", "#2a6f97", "#588157", "#9c6644", "#6d597a")


def lines(curves: dict[str, list[tuple[float, float]]], *, x: str, y: str) -> str:
    """Draw each curve through its points; the first is drawn boldest."""
    xs = [point[0] for points in curves.values() for point in points]
    ys = [point[1] for points in curves.values() for point in points]
    to_x = _scale(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT)
    to_y = _scale(min(ys), max(ys), _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for tick in _ticks(min(xs), max(xs)):
        at = to_x(tick)
        parts.append(f'<path d="M{at:.1f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>')
    for tick in _ticks(min(ys), max(ys)):
        at = to_y(tick)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for number, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{to_x(a):.1f},{to_y(b):.1f}" for a, b in sorted(points))
        width = 3 if number == 0 else 1.5
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
        parts.append(
            f'<text x="{_WIDTH - _RIGHT + 14}" y="{_TOP + 20 + 20 * number}" fill="{colour}">{escape(name)}</text>'
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(x)}</text>')
    parts.append(f'<text transform="translate(16 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(y)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _scale(low: float, high: float, start: float, end: float):  # type: ignore[no-untyped-def]
    span = math.log(high / low) or 1.0
    return lambda value: start + (end - start) * math.log(value / low) / span


def _ticks(low: float, high: float) -> list[float]:
    """The values 1, 2, 5 times a power of ten between the two."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for e in exponents for tick in (10.0**e, 2 * 10.0**e, 5 * 10.0**e) if low <= tick <= high]
