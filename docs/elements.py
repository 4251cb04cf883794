#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Writes the element reference from gst-inspect-1.0 and the SECTION comments in the sources.
#   elements.py FILE           writes FILE
#   elements.py --check FILE   says whether FILE is what would be written
# GST_PLUGIN_PATH names the plugins: run it by `./dev docs`.
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'pipelines'))
from inspected import inspect, our_elements

# Properties of GObject and the stock base classes, which every element of a kind has.
INHERITED = {'name', 'parent', 'async', 'async-handling', 'message-forward', 'blocksize', 'do-timestamp', 'enable-last-sample',
             'last-sample', 'max-bitrate', 'max-lateness', 'num-buffers', 'processing-deadline',
             'qos', 'render-delay', 'throttle-time', 'ts-offset', 'typefind', 'emit-signals',
             'force-live', 'min-upstream-latency', 'start-time', 'start-time-selection'}


def is_inherited(row):
    """Elements of ours have a property `latency` of another meaning than GstAggregator's."""
    return row[0] in INHERITED or row[1].startswith('Additional latency in live mode')


def section(text, title):
    """The indented block under a heading of gst-inspect-1.0."""
    found = re.search(rf'(?m)^{title}:\n((?:[ \t]+.*\n|\n(?=[ \t]))*)', text)
    return found[1] if found else ''


def field(text, name):
    found = re.search(rf'(?m)^\s+{name}\s{{2,}}(.+)$', text)
    return found[1].strip() if found else ''


def pads(text):
    """[(name, direction, availability, [caps…], its own properties as properties() has them)]"""
    rows = []
    blocks = re.split(r"(?m)^  (SRC|SINK) template: '([^']+)'\n", section(text, 'Pad Templates'))
    for direction, name, body in zip(blocks[1::3], blocks[2::3], blocks[3::3]):
        when = field_of_pad(body)
        body, _, own = body.partition('    Pad Properties:\n')
        body = re.sub(r'(?m)^    Type: .*\n', '', body)
        caps, current = [], None
        for line in body.split('Capabilities:')[-1].splitlines():
            key = re.match(r'\s+([\w-]+): (.+)$', line)
            if key and current is not None:
                value = re.sub(r'^\((\w+)\)', '', key[2]).strip()
                caps[-1] += f', {key[1]}={value}'
            elif line.strip():
                current = line.strip()
                caps.append(current)
        own = properties(re.sub('(?m)^    ', '', own))
        rows.append((name, direction.lower(), when, caps, own))
    return rows


def field_of_pad(body):
    found = re.search(r'Availability: (.+)', body)
    return found[1].strip().lower() if found else ''


def properties(body):
    """[(name, blurb, type and range, default, when it may change)]"""
    rows = []
    head = r'^  ([a-z][a-z0-9-]*) *: '
    for name, block in re.findall(rf'(?ms){head}(.*?)(?={head.replace("(", "(?:")}|\Z)', body):
        lines = [line.strip() for line in block.splitlines()]
        rest = ' '.join(lines[1:])
        flags = lines[1] if len(lines) > 1 else ''
        kind, default = '', ''
        for pattern, label in ((r'Boxed pointer of type "(\w+)"', r'\1'), (r'(Enum|Flags) "\w+"', 'enum'),
                               (r'Unsigned Integer(?:64)?\.', 'unsigned'), (r'Integer(?:64)?\.', 'int'),
                               (r'Boolean\.', 'boolean'), (r'String\.', 'string'),
                               (r'Double\.', 'double'), (r'Float\.', 'float')):
            found = re.search(pattern, rest)
            if found:
                kind = found.expand(label)
                break
        bounds = re.search(r'Range:\s+(\S+)\s+-\s+(\S+)', rest)
        if bounds:
            kind += f', {bounds[1]} to {bounds[2]}'
        if kind == 'enum':
            chosen = re.search(r'Default: (-?\d+), "([^"]+)"', rest)
            default = chosen[2] if chosen else ''
            values = re.findall(r'\(-?\d+\): (\S+)\s+- (.*)', block)
            kind = '; '.join(f'`{value}`: {what.strip()}' for value, what in values)
        elif found := re.search(r'Default:\s+("[^"]*"|\S+)', rest):
            default = found[1]
        if 'writable' not in flags:
            change = 'read only'
        elif 'NULL or READY' in flags:
            change = 'NULL, READY'
        elif 'PLAYING' in flags:
            change = 'always'
        else:
            change = 'before it starts'
        rows.append((name, lines[0], kind, '' if default == 'null' else default, change))
    return rows


def documentation():
    """{element: its SECTION comment as Markdown}"""
    found = {}
    for path in sorted((ROOT / 'plugins').rglob('*.cpp')):
        for comment in re.findall(r'/\*\*(.*?)\*/', path.read_text(), re.S):
            name = re.search(r'SECTION:element-(\S+)', comment)
            if not name:
                continue
            text = re.sub(r'(?m)^ \* ?', '', comment)
            text = re.sub(r'(?m)^\s*(SECTION:|@).*\n', '', text)
            text = re.sub(r'(?m)^##+ ', '### ', text)
            text = text.replace('|[', '```sh').replace(']|', '```')
            text = re.sub(r'#(Gst\w+)', r'\1', text)
            found[name[1]] = text.strip()
    return found


def cell(text):
    return text.replace('|', '\\|').replace('\n', ' ')


def property_rows(rows):
    lines = []
    for prop, blurb, kind, default, change in rows:
        shown = f'`{cell(default)}`' if default else ''
        lines.append(f'| `{prop}` | {cell(blurb)} | {cell(kind)} | {shown} | {change} |')
    return lines


def element(name, text, doc):
    lines = [f'## {name}', '', f"*{field(text, 'Description')}* (class {field(text, 'Klass')}, "
             f"rank {field(text, 'Rank')}, plugin {field(text, 'Name')})", '', doc, '']
    lines += ['| pad | direction | availability | caps |', '|---|---|---|---|']
    of_pads = []
    for pad, direction, when, caps, of_pad in pads(text):
        shown = '<br>'.join(f'`{cell(c)}`' for c in caps)
        lines.append(f'| `{pad}` | {direction} | {when} | {shown} |')
        of_pads += [row for row in of_pad if not is_inherited(row) and row not in of_pads]
    own = [row for row in properties(section(text, 'Element Properties'))
           if not is_inherited(row)]
    for what, rows in (('property of a pad', of_pads), ('property', own)):
        if rows:
            lines += ['', f'| {what} | what it is | values | default | may change in |',
                      '|---|---|---|---|---|'] + property_rows(rows)
    return lines


def main():
    check = sys.argv[1] == '--check'
    version = subprocess.run(['gst-inspect-1.0', '--version'], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    if check and ' 1.22.' not in version:
        print('the reference is written with GStreamer 1.22; the text of others differs')
        sys.exit(77)
    target = pathlib.Path(sys.argv[-1])
    docs = documentation()
    lines = ['# Elements', '', 'Generated by `./dev docs` from `gst-inspect-1.0` and the comments in '
             'the sources: change those.', '']
    names = sorted(our_elements())
    if not names:
        raise SystemExit('no element found: is GST_PLUGIN_PATH set?')
    lines += [' · '.join(f'[{name}](#{name})' for name in names), '']
    for name in names:
        if name not in docs:
            raise SystemExit(f'{name} has no SECTION:element-{name} comment')
        lines += element(name, inspect(name), docs[name]) + ['']
    text = '\n'.join(lines).rstrip() + '\n'
    if not check:
        target.write_text(text)
    elif not target.exists() or target.read_text() != text:
        raise SystemExit(f'{target} is not up to date: run ./dev docs')


main()
