#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs the example launch lines in the elements' documentation unchanged except for ports, which are
# replaced by free ones, in a directory with a movie.mp4 and a movie.srt.
# Usage: examples.py SOURCE_ROOT [ELEMENT…]; GST_PLUGIN_PATH must contain the plugins.
import concurrent.futures
import os
import pathlib
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from inspected import our_elements

START_DEADLINE = 30  # seconds to PLAYING or EOS
WATCH = 3            # seconds that a line must go on without an error
END_DEADLINE = 15    # seconds to end after SIGINT
AT_ONCE = 3          # blocks of lines, which mostly wait

PLAYING = re.compile(r'from element "pipeline\d*" \(state-changed\).*new-state=\(GstState\)playing')
DONE = re.compile(r'Got EOS from element "pipeline')


def examples(root):
    """{element: [[launch line, …] of one block, …]} from the SECTION comments."""
    found = {}
    for path in sorted((root / 'plugins').rglob('*')):
        if path.suffix not in ('.cpp', '.h'):
            continue
        for comment in re.findall(r'/\*\*(.*?)\*/', path.read_text(), re.S):
            text = re.sub(r'(?m)^[ \t]*\* ?', '', comment)
            section = re.search(r'SECTION:element-(\S+)', text)
            if not section:
                continue
            blocks = found.setdefault(section[1], [])
            for block in re.findall(r'\|\[(.*?)\]\|', text, re.S):
                # A line may be wrapped, with or without a backslash.
                text_of = re.sub(r'\s*\\?\n\s*', ' ', block).strip()
                launch = [line.strip() for line in re.split(r'(?=\bgst-launch-1\.0 )', text_of)
                          if line.startswith('gst-launch-1.0 ')]
                if launch:
                    blocks.append(launch)
    return found


class Line:
    """A launch line while it runs; messages (-m) tell its state."""

    def __init__(self, text, directory):
        self.text, self.output, self.playing = text, '', False
        command = text.replace('gst-launch-1.0 ', 'exec gst-launch-1.0 -m ', 1)
        self.process = subprocess.Popen(
            ['sh', '-c', command], cwd=directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.closed = False

    def read(self, timeout):
        if self.closed:
            return
        if not self.selector.select(timeout):
            return
        data = self.process.stdout.read()
        if data == b'':
            self.closed = True
        self.output += (data or b'').decode(errors='replace')
        self.playing = self.playing or bool(PLAYING.search(self.output))

    def wait(self, condition, seconds):
        """Reads until the condition holds; returns False if it never does."""
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            if self.closed:
                return condition()
            self.read(min(left, 0.5))
        return True

    def problem(self):
        if re.search(r'(?m)^ERROR', self.output):
            return 'an error'
        if re.search(r'(?m)^WARNING: erroneous pipeline', self.output):
            return 'a line that does not parse'
        if 'CRITICAL **' in self.output:
            return 'a critical warning'
        return None

    def ended(self):
        return bool(DONE.search(self.output)) or self.closed

    def start(self):
        if not self.wait(lambda: self.playing or self.problem() or self.ended(), START_DEADLINE):
            return f'not PLAYING after {START_DEADLINE} s'
        if self.problem():
            return self.problem()
        return None if self.playing or DONE.search(self.output) else 'an end before PLAYING'

    def watch(self):
        self.wait(lambda: self.problem() or self.ended(), WATCH)
        return self.problem()

    def stop(self):
        """Ends the process as a user does; returns what was wrong, if anything."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        if not self.wait(lambda: self.closed, END_DEADLINE):
            self.process.kill()
            self.process.wait()
            return f'still there {END_DEADLINE} s after SIGINT'
        try:
            code = self.process.wait(END_DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return 'no end of the process'
        if code == -signal.SIGINT and DONE.search(self.output):
            code = 0  # the pipeline had ended and restored the default signal handler already
        if code < 0:
            return f'death by signal {-code}'
        return self.problem() or (f'exit code {code}' if code else None)


def free_port():
    """A port that is free for TCP and UDP."""
    while True:
        with socket.socket() as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(('', 0))
            try:
                udp.bind(('', tcp.getsockname()[1]))
            except OSError:
                continue
            return tcp.getsockname()[1]


PORT = re.compile(r'(?<=[/=,"]127\.0\.0\.1:)[1-9]\d*|(?<=\bport=)[1-9]\d*')


def on_free_ports(texts):
    """The lines of a block with free ports: equal ports stay equal."""
    chosen = {}
    return [PORT.sub(lambda found: chosen.setdefault(found[0], str(free_port())), text)
            for text in texts]


def run_block(texts, directory):
    lines, problem = [], None
    for text in on_free_ports(texts):
        line = Line(text, directory)
        lines.append(line)
        problem = problem or line.start()
        if problem:
            break
    for line in lines:
        problem = problem or line.watch()
    for line in reversed(lines):
        problem = line.stop() or problem
    said = []
    if problem:
        for line in lines:
            kept = [l for l in line.output.split('\n') if not l.startswith('Got message')]
            said += [f'    {line.text}'] + ['      ' + l for l in kept[-25:]]
    return problem, said


def run_apart(block, movies):
    """In a directory of its own, so that blocks may run side by side."""
    for last in (False, True):
        with tempfile.TemporaryDirectory(prefix='penstock-example-') as name:
            for movie in movies.iterdir():
                os.link(movie, pathlib.Path(name) / movie.name)
            problem, said = run_block(block, name)
        # A port that was free may have become another block's.
        if last or not any('in use' in line for line in said):
            return problem, said


def make_movie(directory):
    subprocess.run(
        ['ffmpeg', '-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25:duration=4',
         '-f', 'lavfi', '-i', 'sine=frequency=440:duration=4', '-c:v', 'libx264', '-preset',
         'veryfast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-shortest',
         str(directory / 'movie.mp4')], check=True, stdin=subprocess.DEVNULL)
    (directory / 'movie.srt').write_text('1\n00:00:00,500 --> 00:00:02,500\nHello, world\n\n')


def main():
    found = examples(pathlib.Path(sys.argv[1]))
    wanted = sys.argv[2:] or our_elements()
    failures = 0
    with tempfile.TemporaryDirectory(prefix='penstock-examples-') as name, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        movies = pathlib.Path(name)
        make_movie(movies)
        runs = {element: [(block, pool.submit(run_apart, block, movies))
                          for block in found.get(element, [])] for element in wanted}
        for element, blocks in runs.items():
            if not blocks:
                print(f'not ok {element}: no example launch line in its SECTION comment')
                failures += 1
            for block, run in blocks:
                problem, said = run.result()
                failures += bool(problem)
                print('\n'.join(said + [
                    f'{"not ok" if problem else "ok"} {element}: {problem or block[0][:80]}']),
                      flush=True)
    if not wanted:
        print('not ok: none of our elements is registered')
    return 1 if failures or not wanted else 0


if __name__ == '__main__':
    sys.exit(main())
