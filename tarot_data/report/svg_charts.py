"""Charts as inline SVG, without scripts or libraries.

Horizontal lengths are per cent and vertical ones pixels, so that a chart fills any width and its text keeps its size.
Colours are classes of `page.css`, for light and dark mode. Every chart has a title for screen readers, and every mark one
as a tooltip.
"""

from collections.abc import Sequence

from markupsafe import Markup

CIRCLE = Markup('<circle class="dot {tone}" cx="{x}%" cy="{y}" r="5.5">')
SQUARE = Markup('<rect class="dot {tone}" x="{x}%" y="{y}" width="10" height="10" rx="2" transform="translate(-5 -5)">')
"""Texts of a person are squares, those of a model circles, so that colour is not needed."""

ROW = 42
"""Pixels from one bar to the next."""


def bars(title: str, rows: Sequence[tuple[str, float, str, str]], *, whole: float | None = None) -> Markup:
    """Draw horizontal bars. rows: (name, value, value as shown, class of the bar). whole: what fills the width; without
    it, the longest bar."""
    longest = whole or max((value for _, value, _, _ in rows), default=0) or 1
    marks = [
        Markup(
            '<g><title>{name} {shown}</title><text x="0" y="{text}">{name}</text>'
            '<text x="100%" y="{text}" class="num">{shown}</text>'
            '<rect class="track" x="0" y="{bar}" width="100%" height="8" rx="4"/>'
            '<rect class="{tone}" x="0" y="{bar}" width="{width}%" height="8" rx="4"/></g>'
        ).format(
            name=name,
            shown=shown,
            tone=tone or "fill",
            text=at * ROW + 14,
            bar=at * ROW + 22,
            width=f"{100 * value / longest:.2f}",
        )
        for at, (name, value, shown, tone) in enumerate(rows)
    ]
    return _svg(title, len(rows) * ROW - 8, marks, "bars")


def columns(
    title: str, rows: Sequence[tuple[str, str, float]], *, height: int = 150, mark: float | None = None
) -> Markup:
    """Draw columns over an axis. rows: (name under the axis, full name, value). mark: place of a limit, in columns."""
    if not rows:
        return Markup("")
    highest = max(value for _, _, value in rows) or 1
    step = 100 / len(rows)
    parts, tallest = [], max(range(len(rows)), key=lambda at: rows[at][2])
    for at, (_, name, value) in enumerate(rows):
        tall = max(2.0 if value else 0.0, (height - 18) * value / highest)
        parts.append(
            Markup(
                '<rect class="fill" x="{x}%" y="{y}" width="{width}%" height="{tall}" rx="2">'
                "<title>{name}: {value}</title></rect>"
            ).format(
                x=f"{at * step + step * 0.12:.3f}",
                y=f"{height - tall:.1f}",
                width=f"{step * 0.76:.3f}",
                tall=f"{tall:.1f}",
                name=name,
                value=f"{value:,}",
            )
        )
    parts.append(
        Markup('<text class="small {anchor}" x="{x}%" y="11">{value}</text>').format(
            x=f"{(tallest + 0.5) * step:.2f}", value=f"{highest:,}", anchor=_anchor(tallest, len(rows))
        )
    )
    parts.append(Markup('<line class="axis" x1="0" x2="100%" y1="{y}" y2="{y}"/>').format(y=height + 0.5))
    if mark is not None and 0 < mark < len(rows):
        parts.append(
            Markup('<line class="limit" x1="{x}%" x2="{x}%" y1="0" y2="{y}"/>').format(x=f"{mark * step:.2f}", y=height)
        )
    for at in _ticks(len(rows)):
        parts.append(
            Markup('<text class="small {anchor}" x="{x}%" y="{y}">{name}</text>').format(
                x=f"{(at + 0.5) * step:.2f}", y=height + 18, name=rows[at][0], anchor=_anchor(at, len(rows))
            )
        )
    # Two columns over the whole width would be too wide.
    return _svg(title, height + 24, parts, "columns", widest=90 * len(rows))


def progress(title: str, value: int, goal: int) -> Markup:
    """Return the progress of a value to a goal; beyond it, the goal is a mark within the bar."""
    whole = max(value, goal) or 1
    parts = [
        Markup('<rect class="track" x="0" y="4" width="100%" height="16" rx="8"/>'),
        Markup('<rect class="{tone}" x="0" y="4" width="{width}%" height="16" rx="8"/>').format(
            tone="done" if value >= goal else "fill", width=f"{100 * value / whole:.2f}"
        ),
    ]
    if value > goal:
        parts.append(
            Markup('<line class="goal" x1="{x}%" x2="{x}%" y1="0" y2="24"/>').format(x=f"{100 * goal / whole:.2f}")
        )
    return _svg(title, 24, parts, "progress")


def matrix(
    title: str,
    heads: Sequence[str],
    rows: Sequence[tuple[str, Sequence[tuple[str, int]]]],
    most: int,
    *,
    groups: Sequence[str] = (),
    names: int,
) -> Markup:
    """Draw a heat map. heads: names of columns. rows: (name, [(cell, count)]). most: the count of full colour.
    groups: names over equal groups of columns. names: width of the row names, in per cent.

    Five steps of one hue that differ in lightness; a count of 0 is a dashed outline, so that colour is not needed.
    """
    tall, top = 30, 42 if groups else 24
    # Per cent between two groups, so that the two columns of one suit are seen as one.
    gap = 1.4 if groups else 0.0
    columns_a_group = len(heads) // (len(groups) or 1)
    step = (100 - names - gap * max(0, len(groups) - 1)) / (len(heads) or 1)

    def left(at: int) -> float:
        return names + at * step + gap * (at // columns_a_group)

    parts = [
        Markup('<text class="small mid" x="{x}%" y="{y}">{head}</text>').format(
            x=f"{left(at) + step / 2:.2f}", y=top - 9, head=head
        )
        for at, head in enumerate(heads)
    ]
    parts += [
        Markup('<text class="mid" x="{x}%" y="13">{group}</text>').format(
            x=f"{left(at * columns_a_group) + step * columns_a_group / 2:.2f}", group=group
        )
        for at, group in enumerate(groups)
    ]
    for down, (name, cells) in enumerate(rows):
        y = top + down * tall
        parts.append(Markup('<text x="0" y="{y}">{name}</text>').format(y=y + 18, name=name))
        for at, (what, count) in enumerate(cells):
            parts.append(
                Markup(
                    '<g class="h{level}"><title>{what}: {count}</title>'
                    '<rect x="{x}%" y="{y}" width="{width}%" height="{tall}" rx="3"/>'
                    '<text class="mid" x="{middle}%" y="{text}">{shown}</text></g>'
                ).format(
                    level=level(count, most),
                    what=what,
                    count=f"{count:,}",
                    x=f"{left(at) + 0.3:.2f}",
                    y=y,
                    width=f"{step - 0.6:.2f}",
                    tall=tall - 4,
                    middle=f"{left(at) + step / 2:.2f}",
                    text=y + 17,
                    shown=short(count),
                )
            )
    return _svg(title, top + len(rows) * tall, parts, "matrix")


def level(count: int, most: int) -> int:
    """Return the step of a colour: 0 for nothing, else 1 to 5."""
    return 0 if not count else max(1, min(5, -(-5 * count // max(1, most))))


def short(count: int) -> str:
    """Write a count in at most four characters."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 10_000 else f"{count // 1000}k"


def lines(title: str, curves: Sequence[tuple[str, str, Sequence[tuple[float, float]]]], x_name: str) -> Markup:
    """Draw curves over two axes. curves: (name, class, [(x, y)]); a curve of few points has marks."""
    points = [point for _, _, curve in curves for point in curve]
    if not points:
        return Markup("")
    height = 220
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    margin = (high - low) * 0.08 or 0.5
    low, high = low - margin, high + margin

    def across(x: float) -> float:
        return 9 + 90 * ((x - left) / (right - left) if right > left else 0.5)

    def down(y: float) -> float:
        return height * (1 - (y - low) / (high - low))

    parts = []
    for at in range(5):
        y = low + (high - low) * at / 4
        parts.append(
            Markup(
                '<line class="grid" x1="9%" x2="99%" y1="{y}" y2="{y}"/><text class="small" x="0" y="{text}">{name}</text>'
            ).format(y=f"{down(y):.1f}", text=f"{min(height, max(11.0, down(y) + 4)):.1f}", name=f"{y:.2f}")
        )
    for name, tone, curve in curves:
        # Stretched to the width of the chart; the stroke is not.
        parts.append(
            Markup(
                '<svg x="0" y="0" width="100%" height="{height}" viewBox="0 0 100 {height}" preserveAspectRatio="none">'
                '<polyline class="line {tone}" points="{points}"><title>{name}</title></polyline></svg>'
            ).format(
                height=height,
                tone=tone,
                name=name,
                points=" ".join(f"{across(x):.2f},{down(y):.1f}" for x, y in curve),
            )
        )
        for x, y in curve if len(curve) <= 30 else ():
            parts.append(
                Markup('<circle class="dot {tone}" cx="{x}%" cy="{y}" r="3"><title>{what}</title></circle>').format(
                    tone=tone, x=f"{across(x):.2f}", y=f"{down(y):.1f}", what=f"{name} {x:g}: {y:.3f}"
                )
            )
    parts.append(Markup('<text class="small" x="9%" y="{y}">{x:g}</text>').format(y=height + 18, x=left))
    parts.append(
        Markup('<text class="small end" x="99%" y="{y}">{name} {x:g}</text>').format(
            y=height + 18, name=x_name, x=right
        )
    )
    return _svg(title, height + 24, parts, "lines")


def ranges(
    title: str, rows: Sequence[tuple[str, str, Sequence[tuple[str, str, float]], tuple[float, float] | None]]
) -> Markup:
    """Draw values from 0 to 1, one line per row. rows: (name, shown, [(what, class, value)], interval or None)."""
    parts, tall = [], 50
    for at, (name, shown, values, interval) in enumerate(rows):
        y = at * tall
        parts.append(
            Markup(
                '<text x="0" y="{text}">{name}</text><text x="100%" y="{text}" class="num">{shown}</text>'
                '<line class="rail" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
            ).format(text=y + 14, y=y + 30, name=name, shown=shown)
        )
        if interval:
            low, high = (100 * min(1.0, max(0.0, end)) for end in interval)
            parts.append(
                Markup('<line class="whisker" x1="{low}%" x2="{high}%" y1="{y}" y2="{y}"/>').format(
                    low=f"{low:.2f}", high=f"{high:.2f}", y=y + 30
                )
            )
        for what, tone, value in values:
            parts.append(
                Markup("{shape}<title>{what}</title></{end}>").format(
                    shape=(SQUARE if tone == "reader" else CIRCLE).format(
                        tone=tone, x=f"{min(99.0, max(1.0, 100 * value)):.2f}", y=y + 30
                    ),
                    end="rect" if tone == "reader" else "circle",
                    what=f"{name} {what} {value:.2f}",
                )
            )
    return _svg(title, len(rows) * tall, parts, "ranges")


def _svg(title: str, height: int, parts: Sequence[Markup], kind: str, widest: int | None = None) -> Markup:
    style = Markup(' style="max-width:{}px"').format(widest) if widest else ""
    return Markup('<svg class="{kind}" role="img" aria-label="{title}" width="100%" height="{height}"{style}>').format(
        kind=kind, title=title, height=max(0, height), style=style
    ) + Markup("<title>{}</title>{}</svg>").format(title, Markup("").join(parts))


def _ticks(count: int, at_most: int = 5) -> list[int]:
    """Return the positions of at most five names on an axis of so many columns, including the first and the last."""
    if count <= at_most:
        return list(range(count))
    return sorted({round(at * (count - 1) / (at_most - 1)) for at in range(at_most)})


def _anchor(at: int, count: int) -> str:
    """Return the text anchor that keeps the names at both ends inside the picture."""
    place = (at + 0.5) / count
    return "" if place < 0.08 else "end" if place > 0.92 else "mid"
