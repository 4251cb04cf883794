#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Penstock's elements and stock ones with similar names coexist, and each of Penstock's is
# documented: description, author, classification, rank, property blurbs, finite ranges, and in its
# SECTION comment the version that introduced it.
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from inspected import inspect, our_elements, our_plugins

SOURCES = pathlib.Path(__file__).parents[2] / 'plugins'
SINCE = {name for path in SOURCES.rglob('*.cpp') for name in
         re.findall(r'SECTION:element-(\w+)(?:(?!\*/)[\s\S])*? \* Since: \d', path.read_text())}

STOCK = ['flvmux', 'flvdemux', 'rtmp2sink', 'rtmp2src', 'hlsdemux', 'hlssink2']
# Stock elements that have (almost) only their base class's properties.
BASES = {'GstBaseSink': 'fakesink', 'GstBaseSrc': 'fakesrc', 'GstBin': 'bin',
         'GstAggregator': 'flvmux', 'GstBaseTransform': 'identity', 'GstElement': 'funnel'}
# The ranges of whole types, which say nothing.
WHOLE_TYPE = {'0 - 4294967295', '0 - 18446744073709551615', '-2147483648 - 2147483647',
              '-9223372036854775808 - 9223372036854775807'}


def properties(text):
    """{name: (blurb, the lines below)}"""
    section = re.search(r'(?ms)^Element Properties:\n(.*?)(?=^\S|\Z)', text)
    found = {}
    if section:
        parts = re.split(r'(?m)^  ([a-z][a-z0-9-]*) *: ', '\n' + section[1])
        for name, body in zip(parts[1::2], parts[2::2]):
            lines = body.split('\n')
            found[name] = (lines[0].strip(), '\n'.join(lines[1:]))
    return found


def inherited(text):
    names = {'name', 'parent'}
    for base, stock in BASES.items():
        if re.search(rf'\+----{base}\n', text):
            names |= set(properties(inspect(stock) or ''))
    return names


def field(text, name):
    match = re.search(rf'(?m)^  {name} +(.*)$', text)
    return match[1].strip() if match else ''


def problems(element):
    text = inspect(element)
    if text is None:
        return ['is not visible']
    found = []
    for name in ('Rank', 'Long-name', 'Klass', 'Description', 'Author', 'Version', 'License'):
        if not field(text, name):
            found.append(f'has no {name}')
    if len(field(text, 'Description')) < 20:
        found.append('has no description worth the name')
    if 'Pad Templates:' not in text or 'none' == field(text, 'Pad Templates'):
        found.append('has no pad template')
    if element not in SINCE:
        found.append('has no "Since:" in its SECTION comment')
    own = properties(text)
    base = inherited(text)
    if 'stats' not in own:
        found.append('has no property stats')
    for name, (blurb, rest) in own.items():
        if name in base:
            continue
        if len(blurb) < 10:
            found.append(f'property {name} has no blurb worth the name: "{blurb}"')
        spread = re.search(r'Range: *(\S+ *- *\S+)', rest)
        if spread and re.sub(r' *- *(?=\S+$)', ' - ', spread[1]) in WHOLE_TYPE:
            found.append(f'property {name} has no range: {spread[1]}')
    return found


def main():
    failures = 0
    for name in STOCK:
        if inspect(name) is None:
            print(f'not ok {name}: a stock element is no longer visible')
            failures += 1
    elements = our_elements()
    for element in elements:
        found = problems(element)
        failures += len(found)
        print(f'{"not ok" if found else "ok"} {element}' + ''.join(f'\n  {p}' for p in found))
    # Autoplugging prefers the stock demuxer: its rank is higher.
    ours, stock = inspect('flvlivedemux'), inspect('flvdemux')
    if ours and stock:
        rank = [int(re.search(r'Rank .*\((\d+)\)', t)[1]) for t in (ours, stock)]
        if rank[0] >= rank[1]:
            print(f'not ok flvlivedemux: rank {rank[0]} is not below flvdemux\'s {rank[1]}')
            failures += 1
    if not elements or not our_plugins():
        print('not ok: none of our elements is registered')
        failures += 1
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
