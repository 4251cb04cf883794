#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs the embedding examples unchanged and checks their output.
# examples.py DIRECTORY EMBED_EXECUTABLE
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

EXAMPLES, EMBED = pathlib.Path(sys.argv[1]), sys.argv[2]
PATIENCE = 60  # seconds


def run(*command, code=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE)
    assert done.returncode == code, f'{command}: exit {done.returncode}\n{done.stdout}'
    return done.stdout


def python(name):
    return run(sys.executable, str(EXAMPLES / name))


def short():
    for path in EXAMPLES.iterdir():
        lines = len(path.read_text().splitlines())
        assert lines < 60, f'{path.name} has {lines} lines'


def embed_cpp():
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, 'picture.yaml')
        with open(file, 'w', encoding='utf-8') as out:
            out.write('summary: x\nparameters: {frames: {type: int, default: 30}}\n'
                      'pipeline: videotestsrc num-buffers=${frames} ! identity\n')
        assert run(EMBED, file, 'frames=12') == 'picture: 12 frames\n'
        assert f'bind: {file}:2:' in run(EMBED, file, 'frames=x', code=1)


def embed_py():
    said = python('embed.py')
    assert 'picture:4:3: ' in said and '50 frames' in said, said


def stats_py():
    said = python('stats.py')
    assert re.search(r"dict: \{'buffers-in': (3|4)\d, 'bytes-in': \d{4,}, 'drops': 0\}", said), said
    assert 'json: PLAYING' in said, said


def frames_py():
    said = python('frames.py')
    assert said.count('(240, 322, 3) mean 255') >= 10, said


class Example:
    """authorize.py while it runs, its lines as they come."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / 'authorize.py'), 'rtmp=127.0.0.1:0',
             'http=127.0.0.1:0'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(
            iter(self.process.stdout.readline, '')), daemon=True)
        self.reader.start()

    def until(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f'{pattern} was not said:\n{"".join(self.lines)}')


def authorize_py():
    example = Example()
    publishers = []

    def publish(url):
        publishers.append(subprocess.Popen(
            ['gst-launch-1.0', '-q', *'''videotestsrc is-live=true !
             video/x-raw,format=I420,width=160,height=120 ! x264enc tune=zerolatency
             key-int-max=15 ! h264parse ! flvmux streamable=true ! rtmp2sink'''.split(),
             f'location={url}'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return publishers[-1]

    try:
        base = example.until(r'(rtmp://127\.0\.0\.1:\d+/live)/NAME')[1]
        bad = publish(f'{base}/cam?key=wrong')
        refused = example.until(r'refused (rtmp-publish-\d+) cam')[1]
        assert bad.wait(PATIENCE) != 0, 'a refused publisher goes on'
        good = publish(f'{base}/cam?key=mac')
        taken = example.until(r'allowed (rtmp-publish-\d+) cam')[1]
        example.until(f'connected {taken}')
        run('gst-launch-1.0', 'rtmp2src', f'location={base}/cam', 'num-buffers=5', '!', 'fakesink')
        player = example.until(r'allowed (rtmp-play-\d+) cam')[1]
        example.until(f'disconnected {player} disconnected')
        good.send_signal(signal.SIGINT)
        example.until(f'disconnected {taken} ')
        assert not any(f'connected {refused}' in line for line in example.lines), example.lines
        example.process.send_signal(signal.SIGINT)
        assert example.process.wait(PATIENCE) == 0
    finally:
        for process in [*publishers, example.process]:
            process.kill()
            process.wait()


failed = False
for test in (short, embed_cpp, embed_py, stats_py, frames_py, authorize_py):
    try:
        test()
        print('ok', test.__name__)
    except AssertionError as error:
        failed = True
        print('not ok', test.__name__, error)
sys.exit(failed)
