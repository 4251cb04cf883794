# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table, for a terminal and in Markdown between two markers of a document."""

BEGIN, END = "<!-- fanout: begin -->", "<!-- fanout: end -->"


def ms(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def kilobytes(value):
    return f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def cost(row):
    return "–" if row.get("few") else f"{row['cpu_us']:.0f}"


def ratio(name):
    return lambda row: f"{row[name]:.2f}" if name in row and not row.get("few") else ""


def losses(row):
    """What did not arrive as it should have, in words; empty if all did."""
    out = []
    if row["started"] < row["viewers"]:
        out.append(f"{row['viewers'] - row['started']:.0f} without picture")
    if row["closed"]:
        out.append(f"{row['closed']:.0f} closed")
    if row["gaps"]:
        out.append(f"{row['gaps']:.0f} gaps")
    if row["disorder"]:
        out.append(f"{row['disorder']:.0f} out of order")
    if row["delivered"] < 0.99:
        out.append(f"{row['delivered']:.1%} of the frames")
    if row.get("probes", {}).get("failed"):
        out.append(f"{row['probes']['failed']} joins failed")
    if "slow" in row:
        slow = row["slow"]
        out.append(f"slow: {slow['gaps']} skips, {slow['broken_gaps']} not to a keyframe, "
                   f"{slow['closed']} closed")
    if "beside" in row:
        beside = row["beside"]
        times = beside["latency_ms"]
        out.append(f"the other stream: p50 {ms(times['p50'])}, p99 {ms(times['p99'])} ms, "
                   f"{beside['gaps']} gaps")
    return "; ".join(out) or "all"


COLUMNS = (
    ("server", lambda row: row["label"]),
    ("viewers", lambda row: f"{row['viewers']:.0f}"),
    ("CPU µs", cost),
    ("× nginx", ratio("to_nginx")),
    ("× floor", ratio("to_floor")),
    ("cores", lambda row: f"{row['server_cores']:.2f}"),
    ("p50 ms", lambda row: ms(row["latency_p50"])),
    ("p95 ms", lambda row: ms(row["latency_p95"])),
    ("p99 ms", lambda row: ms(row["latency_p99"])),
    ("first p50", lambda row: ms(row["first_p50"])),
    ("p95", lambda row: ms(row["first_p95"])),
    ("kB/viewer", lambda row: kilobytes(row["pss_kb"])),
    ("kernel kB", lambda row: kilobytes(row["buffers_kb"])),
    ("threads", lambda row: f"{row['threads']:.0f}"),
    ("load", lambda row: f"{row['load_cores']:.0%}"),
    ("others", lambda row: f"{row['others']:.0%}"),
    ("arrived", losses),
)
LEFT = {"server", "arrived"}


def in_short(row):
    return (f"{row['cpu_us']:.0f} µs, p50 {ms(row['latency_p50'])} ms, "
            f"p99 {ms(row['latency_p99'])} ms, load {row['load_cores']:.0%}, "
            f"others {row['others']:.0%}, {losses(row)}")


def tables(result):
    """(title, header, rows) of each scenario that was measured."""
    for name, title in result["titles"].items():
        rows = [row for row in result["rows"] if row["scenario"] == name]
        if rows:
            yield (title, [column for column, _ in COLUMNS],
                   [[text(row) for _, text in COLUMNS] for row in rows])


def as_text(result):
    out = []
    for title, header, rows in tables(result):
        widths = [max(len(line[i]) for line in [header, *rows]) for i in range(len(header))]
        out += ["", title]
        for line in [header, *rows]:
            cells = [cell.ljust(width) if name in LEFT else cell.rjust(width)
                     for name, cell, width in zip(header, line, widths)]
            out.append("  " + "  ".join(cells).rstrip())
    for what, lines in (("Left out", result["left_out"]), ("Failed", result["failures"])):
        if lines:
            out += ["", what, *("  " + line for line in lines)]
    return "\n".join(out)


def as_markdown(result):
    on = result["machine"]
    out = [f"Measured on {result['when']}: {on['processor']}, {on['cores']} cores, Linux "
           f"{on['kernel']}; windows of {result['seconds']:.0f} s, medians of {result['rounds']}."]
    for title, header, rows in tables(result):
        out += ["", f"**{title}**", "", "| " + " | ".join(header) + " |",
                "|" + "|".join("---" if name in LEFT else "---:" for name in header) + "|"]
        out += ["| " + " | ".join(row) + " |" for row in rows]
    if result["left_out"]:
        out += ["", "Left out:", ""] + [f"- {line}" for line in result["left_out"]]
    return "\n".join(out)


def fill_in(path, result):
    """Puts the tables between the markers of a document."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} lacks the markers {BEGIN} and {END}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{head}{BEGIN}\n{as_markdown(result)}\n{END}{tail}")
