#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# penstockbin in gst-launch-1.0 lines: open ends, parameters, and error messages.
import os
import subprocess
import sys
import tempfile

ENDS = """summary: An open end
parameters:
  frames: {type: int, default: 30, max: 100}
  text: {type: string, default: plain}
  key: {type: string, default: "", secret: true}
start:
  - name: source
    pipeline: >-
      videotestsrc num-buffers=${frames} ! video/x-raw,framerate=100/1
      ! textoverlay text="${text}"
  - name: through
    pipeline: identity ! videoconvert
"""


def launch(*line):
    done = subprocess.run(['gst-launch-1.0', '-v', *line], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


def check(what, condition, output):
    print('ok' if condition else 'not ok', what)
    if not condition:
        print(output)
    return bool(condition)


with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, 'ends.yaml')
    with open(file, 'w', encoding='utf-8') as out:
        out.write(ENDS)
    of = f'description={file}'
    good = []
    code, said = launch('penstockbin', of, 'parameters=frames=7', '!', 'fakesink', 'silent=false')
    good.append(check('source', code == 0 and said.count('chain') == 7, said))
    # The order of the properties does not matter.
    code, said = launch('penstockbin', 'parameters=frames=3,text=a,b\\\\,frames=1', of, '!', 'fakesink',
                        'silent=false')
    good.append(check('comma in a value', code == 0 and said.count('chain') == 3, said))
    code, said = launch('videotestsrc', 'num-buffers=5', '!', 'penstockbin', of,
                        'pipeline=through', '!', 'fakesink', 'silent=false')
    good.append(check('through', code == 0 and said.count('chain') == 5, said))
    for what, line, words in (
            ('value', ['parameters=frames=200'], [f'{file}:3:3:', "'200' is too large"]),
            ('unknown parameter', ['parameters=frame=2'], ["did you mean 'frames'?"]),
            ('no value', ['parameters=frames'], ['write name=value']),
            ('pipeline', ['pipeline=throug'], ['there are source and through'])):
        code, said = launch('penstockbin', of, *line)
        good.append(check(f'mistake: {what}', code != 0 and 'ERROR: from element' in said and
                          all(word in said for word in words), said))
    code, said = launch('penstockbin', 'description=file-to-udq')
    good.append(check('mistake: name', code != 0 and "did you mean 'file-to-udp'?" in said, said))
    code, said = launch('penstockbin')
    good.append(check('mistake: nothing', code != 0 and 'no description is given' in said, said))
    code, said = launch('penstockbin', 'description=live')
    good.append(check('rules only', code != 0 and 'PenstockServer' in said, said))
    with open(file, 'a', encoding='utf-8') as out:
        out.write('strat: 3\n')
    code, said = launch('penstockbin', of)
    good.append(check('mistake: description',
                      code != 0 and f"{file}:13:1: unknown key 'strat'" in said, said))
sys.exit(not all(good))
