"""Comparison chart of models as SVG: a group of bars per dimension, a bar per model."""

from collections.abc import Sequence
from html import escape

COLOURS = ("#9aa0c8", "#b3401f", "#5b8c5a", "#d9a441", "#6b4c8a", "#3f7f93", "#8a6f5b", "#c77da0")
BAR, GAP, HEIGHT, LEFT, TOP, LINE = 16, 22, 220, 44, 16, 20


def scores_svg(models: Sequence[tuple[str, dict[str, float]]], names: dict[str, str], title: str) -> str:
    """models: (name, {dimension: 0 to 1}). names: dimension to its name, in the order drawn."""
    group = BAR * len(models) + GAP
    width = LEFT + group * len(names) + 8
    bottom = TOP + HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 30 + LINE * len(models)}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - HEIGHT * share
        parts.append(f'<line x1="{LEFT}" x2="{width - 8}" y1="{y:g}" y2="{y:g}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y:g}" text-anchor="end" dominant-baseline="middle">{share:g}</text>')
    for at, (dimension, name) in enumerate(names.items()):
        left = LEFT + GAP / 2 + at * group
        for number, (model, scores) in enumerate(models):
            value = scores.get(dimension, 0.0)
            parts.append(
                f'<rect class="bar" x="{left + number * BAR:g}" y="{bottom - HEIGHT * value:.1f}" width="{BAR - 3}" '
                f'height="{HEIGHT * value:.1f}" fill="{COLOURS[number % len(COLOURS)]}">'
                f"<title>{escape(f'{model}, {name}: {value:.2f}')}</title></rect>"
            )
        middle = left + BAR * len(models) / 2
        parts.append(f'<text x="{middle:g}" y="{bottom + 16}" text-anchor="middle">{escape(name)}</text>')
    for number, (model, _) in enumerate(models):
        y = bottom + 36 + LINE * number
        parts.append(
            f'<rect x="{LEFT}" y="{y - 10}" width="12" height="12" fill="{COLOURS[number % len(COLOURS)]}"/>'
            f'<text x="{LEFT + 18}" y="{y}">{escape(model)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
