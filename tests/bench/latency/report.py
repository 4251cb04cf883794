# SPDX-License-Identifier: LGPL-2.1-or-later
"""Markdown tables of the robustness of stamps."""

import pathlib
import re


def percent(read, frames):
    if read == frames:
        return "100 %"
    # Never rounded up to all.
    return f"{min(99.9, 100 * read / max(frames, 1)):.1f} %"


def share(row):
    text = f"{percent(row['read'], row['frames'])} of {row['frames']}"
    if row.get("stale"):
        text += f", {row['stale']} of another frame"
    return text + (f", {row['wrong']} FALSE" if row["wrong"] else "")


def false_values(result):
    rows = result.get("codecs", []) + result.get("ways", [])
    false = result.get("false")
    if false:
        rows = rows + [false["plain"]] + false["damaged"]
    return sum(row["wrong"] for row in rows)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def codecs(rows):
    names = list(dict.fromkeys(row["codec"] for row in rows))
    cells = {(row["height"], row["bitrate"], row["codec"]): row for row in rows}
    lines = []
    for height, bitrate in dict.fromkeys((row["height"], row["bitrate"]) for row in rows):
        line = [f"{height}p, {bitrate} kbit/s"]
        for name in names:
            row = cells[height, bitrate, name]
            more = f", {row['stale']} stale" if row.get("stale") else ""
            more += f", **{row['wrong']} false**" if row["wrong"] else ""
            line.append(f"{percent(row['read'], row['frames'])} ({row['kbit']:.0f}){more}")
        lines.append(line)
    return table(["asked for"] + names, lines)


def ways(rows):
    return table(["way", "read", "false values", "frames"],
                 [[row["way"], percent(row["read"], row["frames"]), str(row["wrong"]),
                   str(row["frames"])] for row in rows])


def damage(false):
    return table(["damage", "pictures", "still read", "false values"],
                 [[row["damage"], f"{row['pictures']:,}", percent(row["read"], row["pictures"]),
                   str(row["wrong"])] for row in false["damaged"]])


def footage(files, sources):
    """Where the pictures are from; files of one kind in one line."""
    kinds = {}
    for one in files:
        package, shows = next(((p, w) for path, p, w in sources if path == one["path"]), ("", ""))
        about = f"Debian's {package}: {shows}" if package else shows
        kind = about or one["path"]
        names, _, frames, pictures = kinds.get(kind, ([], "", 0, 0))
        kinds[kind] = (names + [pathlib.Path(one["path"]).name], about, frames + one["frames"],
                       pictures + one["pictures"])
    lines = []
    for names, about, frames, pictures in kinds.values():
        name = f"`{names[0]}`" + (f" and {len(names) - 1} like it" if len(names) > 1 else "")
        lines.append(f"- {name}{f' ({about})' if about else ''}: {frames:,} frames, "
                     f"{pictures:,} pictures")
    return "\n".join(lines)


def markdown(result):
    parts = []
    sources = result["footage"]
    if "codecs" in result:
        frames = sum(row["frames"] for row in result["codecs"])
        wrong = sum(row["wrong"] for row in result["codecs"])
        parts.append(
            f"Share of the frames that are read, and in brackets the kbit/s that the encoder made "
            f"of it. {frames:,} frames, {wrong} false values: ones that were never stamped. Stale is "
            f"a stamp of another frame, which a starved encoder shows in the place of this one.\n\n"
            + codecs(result["codecs"]))
    if "ways" in result:
        parts.append("On other ways; where they are coded, by x264 with low latency at 360p and "
                     "300 kbit/s unless it says otherwise:\n\n" + ways(result["ways"]))
    if "false" in result:
        false = result["false"]
        parts.append(
            f"Where there is no stamp: {false['frames']:,} different frames of footage, and with "
            f"windows of them, mirrored and upside down, too, {false['plain']['pictures']:,} "
            f"different pictures: {false['plain']['wrong']} false values. No two of "
            f"them have the same pixels.\n\n" +
            footage(false["files"], sources) +
            "\n\nThe same pictures once more, each with a stamp of its own that is damaged:\n\n" +
            damage(false))
    return "\n\n".join(parts)


def fill_in(path, text):
    """Puts `text` between the marks of the document."""
    begin, end = "<!-- robustness: begin -->", "<!-- robustness: end -->"
    old = path.read_text()
    if begin not in old:
        raise SystemExit(f"{path} has no {begin}")
    path.write_text(re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", old,
                           flags=re.S))
