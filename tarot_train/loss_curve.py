"""Loss curve of a training, per update and per evaluation, as SVG and as text."""

from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 56, 16, 28, 40


MARKS = (("loss", "·"), ("eval_loss", "●"))
"""Validation last, so that it is drawn on top."""


def loss_svg(log: list[dict], title: str) -> str:
    """Draw log lines {step, loss} and {step, eval_loss}: losses in nats per token over updates, as SVG."""
    train = [(line["step"], line["loss"]) for line in log if "loss" in line]
    held_out = [(line["step"], line["eval_loss"]) for line in log if "eval_loss" in line]
    points = train + held_out or [(0, 0.0)]
    last = max(step for step, _ in points) or 1
    low, high = min(loss for _, loss in points), max(loss for _, loss in points)
    margin = (high - low) * 0.08 or 0.5
    low, high = low - margin, high + margin

    def place(step: int, loss: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * step / last
        y = TOP + (HEIGHT - TOP - BOTTOM) * (high - loss) / (high - low)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="18">{escape(title)}</text>',
    ]
    for part in range(5):
        loss = low + (high - low) * part / 4
        y = place(0, loss).split(",")[1]
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y}" text-anchor="end" dominant-baseline="middle">{loss:.2f}</text>')
        step = round(last * part / 4)
        x = place(step, low).split(",")[0]
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step}</text>')
    for found, colour, name, offset in ((train, "#9aa0c8", "train", 150), (held_out, "#b3401f", "validation", 70)):
        if found:
            path = " ".join(place(*point) for point in found)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts.append(f'<text x="{WIDTH - RIGHT - offset}" y="18" fill="{colour}">{name}</text>')
    for point in held_out:
        x, y = place(*point).split(",")
        parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="#b3401f"/>')
    return "\n".join([*parts, "</svg>", ""])


def loss_text(log: list[dict], width: int = 60, height: int = 9) -> str:
    """Draw the curve as text for a terminal: · training loss, ● validation loss; nats per token over updates.

    Empty if there is nothing to show yet.
    """
    points = [(line["step"], line[name], mark) for name, mark in MARKS for line in log if name in line]
    if len({step for step, *_ in points}) < 2:
        return ""
    last = max(step for step, *_ in points)
    low, high = min(loss for _, loss, _ in points), max(loss for _, loss, _ in points)
    grid = [[" "] * width for _ in range(height)]
    for step, loss, mark in points:
        share = (high - loss) / (high - low) if high > low else 0.5
        grid[round(share * (height - 1))][round(step / last * (width - 1))] = mark
    labels = {0: f"{high:7.3f}", height - 1: f"{low:7.3f}"}
    rows = [f"{labels.get(number, ' ' * 7)} │{''.join(row)}" for number, row in enumerate(grid)]
    return "\n".join([*rows, f"{' ' * 7} └{'─' * width}", f"{' ' * 9}0{last:>{width - 1}}"])
