#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each installed header of libpenstock compiles on its own, as C11 and C++, without warnings.
# headers.py DIRECTORY, which contains penstock/*.h
import pathlib
import shutil
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
flags = subprocess.run(['pkg-config', '--cflags', 'gstreamer-1.0'], stdout=subprocess.PIPE,
                       text=True, check=True).stdout.replace('-I', '-isystem').split()
compilers = [('cc', 'c', 'c11'), ('c++', 'c++', 'c++11'), ('c++', 'c++', 'c++20')]
if not all(shutil.which(compiler) for compiler, _, _ in compilers):
    sys.exit(77)
headers = sorted((root / 'penstock').glob('*.h'))
assert len(headers) >= 6, headers
failed = False
for header in headers:
    for compiler, language, standard in compilers:
        done = subprocess.run(
            [compiler, f'-std={standard}', '-x', language, '-Wall', '-Wextra', '-Wpedantic',
             '-Werror', '-fsyntax-only', f'-I{root}', *flags, '-'],
            input=f'#include <penstock/{header.name}>\n', text=True, stderr=subprocess.PIPE)
        failed = failed or done.returncode != 0
        print('not ok' if done.returncode else 'ok', header.name, standard, done.stderr)
sys.exit(failed)
