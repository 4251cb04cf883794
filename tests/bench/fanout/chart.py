# SPDX-License-Identifier: LGPL-2.1-or-later
"""The chart of CPU cost and latency: an SVG for light and dark pages."""

import html

WIDTH, LABEL, BAR, GAP = 950, 220, 18, 8
LEFT, RIGHT = LABEL + 10, 620  # where the two panels begin
PANEL_CPU, PANEL_LATENCY = 300, 260
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f; }
  .title { font-size: 16px; font-weight: 600; }
  .head { font-weight: 600; }
  .note { font-size: 12px; fill: #57606a; }
  .line { stroke: #d0d7de; stroke-width: 1; }
  .Penstock { fill: #0969da; }
  .Nginx { fill: #bc4c00; }
  .NodeMediaServer { fill: #8250df; }
  .Floor { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9198a1; }
    .line { stroke: #3d444d; }
    .Penstock { fill: #4493f8; }
    .Nginx { fill: #f0883e; }
    .NodeMediaServer { fill: #ab7df8; }
    .Floor { fill: #6e7681; }
  }
"""


def number(value):
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def bars(rows, top, key, left, width, unit):
    """A bar for each row, as long as its figure, which stands behind it."""
    most = max(row[key] for row in rows) or 1
    room = width - 62
    for i, row in enumerate(rows):
        y = top + i * (BAR + GAP)
        length = max(row[key] / most * room, 1.5)
        yield (f'<rect class="{row["kind"]}" x="{left}" y="{y}" width="{length:.1f}" '
               f'height="{BAR}" rx="2"/>')
        yield (f'<text x="{left + length + 6:.1f}" y="{y + BAR - 5}">'
               f'{number(row[key])} {unit}</text>')


def label_of(row):
    """Where servers have different numbers of viewers, with them."""
    if row["scenario"] != "most":
        return row["label"]
    return f"{row['label']}: {row['viewers']:,}"


def scenario(title, rows, top):
    yield f'<text class="head" x="0" y="{top + 14}">{html.escape(title)}</text>'
    top += 26
    end = top + len(rows) * (BAR + GAP) - GAP
    for left in (LEFT, RIGHT):
        yield f'<path class="line" d="M{left - 0.5} {top - 4}V{end + 4}"/>'
    for i, row in enumerate(rows):
        y = top + i * (BAR + GAP) + BAR - 5
        yield f'<text x="{LABEL}" y="{y}" text-anchor="end">{html.escape(label_of(row))}</text>'
    yield from bars(rows, top, "cpu_us", LEFT, PANEL_CPU, "µs")
    yield from bars(rows, top, "latency_p99", RIGHT, PANEL_LATENCY, "ms")


def draw(result):
    parts, top = [], 76
    for name, title in result["titles"].items():
        rows = [row for row in result["rows"] if row["scenario"] == name and not row["few"]]
        if rows:
            parts += scenario(title, rows, top)
            top += 26 + len(rows) * (BAR + GAP) + 22
    on = result["machine"]
    note = (f"{on['processor']}, Linux {on['kernel']}, {result['when']}: one core for the server, "
            f"median of {result['rounds']}")
    head = ['<text class="title" x="0" y="20">What a viewer costs, and how late the picture is'
            '</text>',
            f'<text class="note" x="0" y="40">{html.escape(note)}</text>',
            f'<text class="note" x="{LEFT}" y="64">CPU per viewer and Mbit</text>',
            f'<text class="note" x="{RIGHT}" y="64">publisher to viewer, p99</text>']
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-16 -12 {WIDTH + 32} {top + 8}" '
        f'width="{WIDTH + 32}" role="img" aria-label="CPU cost and latency of live servers">',
        f"<style>{STYLE}</style>", *head, *parts, "</svg>", ""])


def write(path, result):
    with open(path, "w", encoding="utf-8") as file:
        file.write(draw(result))
