#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# libpenstock exports exactly its API: all symbols begin with penstock_ and are declared in the
# headers, and all declared ones exist; docs/embedding.md has a line for each method and signal.
# symbols.py LIBRARY
import pathlib
import re
import subprocess
import sys

listed = subprocess.run(['nm', '-D', '--defined-only', '--format=posix', sys.argv[1]],
                        stdout=subprocess.PIPE, text=True, check=True).stdout
exported = {line.split()[0] for line in listed.splitlines()}
headers = pathlib.Path(__file__).resolve().parents[2] / 'launcher' / 'embedding' / 'penstock'
declared = set()
for header in headers.glob('*.h'):
    text = re.sub(r'/\*.*?\*/', '', header.read_text(), flags=re.S)
    for declaration in re.findall(r'PENSTOCK_API\s+(.*?)(?:;|\n\n)', text, re.S):
        if final := re.match(r'G_DECLARE_FINAL_TYPE\(\w+,\s*(\w+)', declaration):
            declared.add(final[1] + '_get_type')
        elif function := re.search(r'(penstock_\w+)\s*\(', declaration):
            declared.add(function[1])
text = (headers.parents[2] / 'docs' / 'embedding.md').read_text()
told = set(re.findall(r'(?m)^\| `(penstock_\w+)` \|', text))
# Types, and functions that bindings in other languages call implicitly, are no methods.
methods = {name for name in declared if not name.endswith(('_get_type', '_error_quark'))
           or name == 'penstock_parameter_get_value_type'}
source = (headers.parent / 'server.cpp').read_text()
signals = set(re.findall(r'g_signal_new\(\s*"([\w-]+)"', source))
untold = sorted((methods - told) | {name for name in signals if f'`{name}`' not in text})
print('not in docs/embedding.md:', untold)
print('only in docs/embedding.md:', sorted(told - methods))
print('foreign:', sorted(name for name in exported if not name.startswith('penstock_')))
print('missing:', sorted(declared - exported))
print('undeclared:', sorted(exported - declared))
print(len(exported), 'symbols')
sys.exit(exported != declared or not declared or bool(untold) or told != methods)
