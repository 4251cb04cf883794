#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# libpenstock from Python: errors with their location, parameters, bins, servers that start, fail,
# stop and restart, and objects that are released while in use.
import gc
import json
import os
import socket
import sys
import tempfile
import threading
import time
import unittest

import gi

gi.require_version('Gst', '1.0')
gi.require_version('Penstock', '1.0')
from gi.repository import GLib, Gst, Penstock

TICKS = 'summary: x\npipeline: fakesrc is-live=true do-timestamp=true ! identity name=tick ' \
        'sleep-time=10000 ! fakesink async=false\n'


def load(text, name='test'):
    return Penstock.Description.new_from_string(text, name)


class Server:
    """A server, what it said, and the main loop until something happens."""

    def __init__(self, *bindings):
        self.it = Penstock.Server.new()
        self.said, self.added, self.removed, self.ended = [], [], [], []
        for binding in bindings:
            self.it.add(binding)
        self.it.connect('report', lambda _, severity, text: self.said.append((severity, text)))
        self.it.connect('pipeline-added', lambda _, label, p: self.added.append((label, p)))
        self.it.connect('pipeline-removed', lambda _, label, p: self.removed.append((label, p)))
        self.it.connect('ended', lambda _, well: self.ended.append(
            (well, threading.get_ident())))

    def until(self, condition):
        deadline = time.monotonic() + 30
        timer = GLib.timeout_add(10, lambda: True)  # so that the condition is looked at
        while not condition() and time.monotonic() < deadline:
            GLib.MainContext.default().iteration(True)
        GLib.source_remove(timer)
        assert condition(), self.said


class Descriptions(unittest.TestCase):
    def fails(self, code, function, *arguments):
        with self.assertRaises(GLib.Error) as caught:
            function(*arguments)
        self.assertTrue(caught.exception.matches(Penstock.error_quark(), code), caught.exception)
        return caught.exception.message

    def test_places(self):
        said = self.fails(Penstock.Error.DESCRIPTION, load,
                          'summary: x\nstrat: 1\npipeline: videotestsrc patern=1 ! fakesink\n')
        self.assertIn("test:2:1: unknown key 'strat'", said)
        said = self.fails(Penstock.Error.DESCRIPTION, load,
                          'summary: x\npipeline: videotestsrc patern=1 ! fakesink\n')
        self.assertIn('test:2:24:', said)
        self.assertIn("did you mean 'pattern'", said)
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
            file.write('summary: [\n')
            file.flush()
            said = self.fails(Penstock.Error.DESCRIPTION, Penstock.Description.new_from_file,
                              file.name)
            self.assertTrue(said.startswith(file.name + ':'), said)

    def test_names(self):
        self.assertIn('live', Penstock.list_descriptions())
        self.assertEqual(Penstock.Description.new_from_name('live').props.name, 'live')
        self.assertIn("did you mean 'live'", self.fails(
            Penstock.Error.NOT_FOUND, Penstock.Description.new_from_name, 'lvie'))

    def test_user_directory_first(self):
        # The same order as in the command; read in a process of its own, since GLib reads it once.
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(folder + '/penstock/pipelines')
            with open(folder + '/penstock/pipelines/own.yaml', 'w', encoding='utf-8') as file:
                file.write(TICKS)
            with os.popen(f'XDG_CONFIG_HOME={folder} {sys.executable} -c "'
                          'import gi; gi.require_version(\'Penstock\', \'1.0\'); '
                          'from gi.repository import Penstock; '
                          'print(Penstock.Description.new_from_name(\'own\').props.summary)"') as out:
                self.assertEqual(out.read().strip(), 'x')

    def test_parameters(self):
        description = load('''summary: x
parameters:
  wait: {type: duration, default: 1s, min: 500ms, max: 5s, help: How long}
  word: {type: string, required: true}
  pick: {type: choice, default: a, choices: [a, b]}
  key: {type: string, default: hush, secret: true}
pipeline: fakesrc name=a num-buffers=1 ! fakesink name=${word}
'''.replace(' name=${word}', ''))
        by_name = {p.props.name: p for p in description.list_parameters()}
        self.assertEqual(list(by_name), ['wait', 'word', 'pick', 'key'])
        wait = by_name['wait']
        self.assertEqual(wait.props.value_type, Penstock.ParameterType.DURATION)
        self.assertEqual(tuple(wait.get_range()), (True, 5e8, 5e9))
        self.assertEqual((wait.props.default, wait.props.help), ('1s', 'How long'))
        self.assertTrue(by_name['word'].props.required)
        self.assertEqual(tuple(by_name['word'].get_range()),
                         (False, float('-inf'), float('inf')))
        self.assertEqual(by_name['pick'].get_choices(), ['a', 'b'])
        self.assertTrue(by_name['key'].props.secret)
        self.assertIsNone(by_name['key'].props.default)
        # A parameter outlives its description.
        del description
        gc.collect()
        self.assertEqual(wait.props.name, 'wait')

    def test_values(self):
        description = load('summary: x\nparameters:\n  n: {type: int, required: true, max: 9}\n'
                           'pipeline: fakesrc num-buffers=${n} ! fakesink\n')
        self.assertIn('has to be given', self.fails(Penstock.Error.VALUE, description.bind, {}))
        self.assertIn("test:3:3: the parameter 'n'", self.fails(
            Penstock.Error.VALUE, description.bind, {'n': '10'}))
        self.assertIn("did you mean 'n'", self.fails(
            Penstock.Error.VALUE, description.bind, {'n': '1', 'm': '1'}))
        self.fails(Penstock.Error.VALUE, description.bind_list, ['n'])
        binding = description.bind_list(['n=7'])
        self.assertEqual(binding.dup_value('n'), '7')
        self.assertIsNone(binding.dup_value('m'))

    def test_pipelines(self):
        binding = load('''summary: x
parameters: {both: {type: bool, default: true}}
start:
  - {name: one, pipeline: fakesrc name=s ! fakesink}
  - {name: two, when: "${both} == true", pipeline: identity ! identity}
''')
        self.assertEqual(binding.bind({'both': 'false'}).dup_pipelines(), ['one'])
        bound = binding.bind({})
        self.assertEqual(bound.dup_pipelines(), ['one', 'two'])
        self.assertIsNotNone(bound.create_pipeline('one').get_by_name('s'))
        two = bound.create_bin('two')
        self.assertEqual(sorted(p.get_name() for p in two.pads), ['sink', 'src'])
        self.fails(Penstock.Error.NOT_FOUND, bound.create_pipeline, 'three')

    def test_publish_pipeline(self):
        bound = Penstock.Description.new_from_name('live').bind(
            {'rtmp': '127.0.0.1:0', 'publish-key': 'hush'})
        pipeline = bound.create_publish_pipeline('live/cam')
        source = [e for e in pipeline.iterate_elements()
                  if e.get_factory().get_name() == 'rtmpserversrc'][0]
        self.assertTrue(source.props.location.endswith('/live/cam'))
        self.assertEqual(source.props.publish_key, '(set)')
        for path in ('other/cam', 'live/../cam', 'live'):
            self.fails(Penstock.Error.NOT_FOUND, bound.create_publish_pipeline, path)
        self.fails(Penstock.Error.NOT_FOUND, bound.create_pipeline, None)


class Servers(unittest.TestCase):
    def test_start_and_stop_twice(self):
        server = Server(load(TICKS).bind({}))
        for _ in range(2):
            server.it.start()
            self.assertTrue(server.it.props.running)
            label, pipeline = server.added.pop()
            self.assertEqual(label, 'test')
            self.assertEqual(server.it.get_element('test', None), pipeline)
            self.assertEqual(server.it.get_element(None, 'tick').get_name(), 'tick')
            self.assertIsNone(server.it.get_element('other', 'tick'))
            tick = lambda: server.it.get_stats().unpack()['pipelines']['test']['elements']['tick']
            server.until(lambda: tick()['num-buffers'] > 3)
            as_json = json.loads(server.it.get_stats_json())
            self.assertEqual(as_json['pipelines']['test']['state'], 'PLAYING')
            server.it.stop()
            server.it.stop()
            server.until(lambda: server.ended)
            self.assertEqual(server.ended, [(True, threading.get_ident())])
            server.ended.clear()
            self.assertEqual(len(server.removed), 1)
            server.removed.clear()
            self.assertFalse(server.it.props.running)
            self.assertEqual(server.it.dup_pipelines(), [])

    def test_failure(self):
        server = Server(load('summary: x\npipeline: filesrc location=/nowhere ! fakesink\n')
                        .bind({}))
        with self.assertRaises(GLib.Error) as caught:
            server.it.run()
        self.assertTrue(caught.exception.matches(Penstock.error_quark(), Penstock.Error.RUN))
        self.assertIn('/nowhere', caught.exception.message)
        self.assertEqual([well for well, _ in server.ended], [False])
        self.assertEqual(server.said[-1][0], Penstock.Severity.ERROR)

    def test_end_of_all(self):
        server = Server(load('summary: x\npipeline: fakesrc num-buffers=3 ! fakesink\n').bind({}))
        self.assertTrue(server.it.run())

    def test_port_in_use(self):
        with socket.create_server(('127.0.0.1', 0)) as taken:
            address = f'127.0.0.1:{taken.getsockname()[1]}'
            server = Server(Penstock.Description.new_from_name('live').bind(
                {'rtmp': address, 'http': '127.0.0.1:0'}))
            with self.assertRaises(GLib.Error) as caught:
                server.it.start()
            self.assertIn(f'port {taken.getsockname()[1]} is in use', caught.exception.message)
            self.assertFalse(server.it.props.running)

    def test_free_port_is_told(self):
        binding = Penstock.Description.new_from_name('live').bind(
            {'rtmp': '127.0.0.1:0', 'http': '127.0.0.1:0'})
        server = Server(binding)
        server.it.start()
        for name in ('rtmp', 'http'):
            host, port = binding.dup_value(name).split(':')
            socket.create_connection((host, int(port)), timeout=10).close()
        server.it.stop()
        server.until(lambda: server.ended)

    def test_dropped_while_running(self):
        server = Penstock.Server.new()
        server.add(load(TICKS).bind({}))
        server.start()
        pipeline = server.get_element('test', None)
        bus = pipeline.get_bus()
        del server
        gc.collect()
        for _ in range(3000):
            if pipeline.get_state(0)[1] == Gst.State.NULL:
                break
            GLib.MainContext.default().iteration(False)
            GLib.usleep(10000)
        self.assertEqual(pipeline.get_state(0)[1], Gst.State.NULL)
        self.assertIsNotNone(bus)


if __name__ == '__main__':
    Gst.init(None)
    unittest.main(verbosity=2)
