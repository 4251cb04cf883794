#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# A PenstockServer whose descriptions are replaced while it runs, and one that finishes its files:
# what continues, what restarts, and who is consulted at listeners opened later.
import os
import socket
import sys
import tempfile
import time
import unittest

import gi

gi.require_version('Gst', '1.0')
gi.require_version('Penstock', '1.0')
from gi.repository import GLib, Gst, Penstock

TICKS = 'summary: x\npipeline: fakesrc is-live=true do-timestamp=true ! identity name={name} ' \
        'sleep-time={sleep} ! fakesink async=false\n'
LOCAL = {'rtmp': '127.0.0.1:0', 'http': '127.0.0.1:0'}


def ticks(label, name='tick', sleep=10000):
    return Penstock.Description.new_from_string(TICKS.format(name=name, sleep=sleep), label).bind({})


def shipped(name, values):
    return Penstock.Description.new_from_name(name).bind(values)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as taken:
        return taken.getsockname()[1]


class Server:
    """A server that runs, and what it said."""

    def __init__(self, *bindings, authorize=None):
        self.it = Penstock.Server.new()
        self.said, self.added, self.removed, self.ended = [], [], [], []
        self.asked = []
        for binding in bindings:
            self.it.add(binding)
        self.it.connect('report', lambda _, severity, text: self.said.append(text))
        self.it.connect('pipeline-added', lambda _, label, p: self.added.append(label))
        self.it.connect('pipeline-removed', lambda _, label, p: self.removed.append(label))
        self.it.connect('ended', lambda _, well: self.ended.append(well))
        if authorize:
            self.it.connect('authorize', lambda _, peer: self.asked.append(
                peer.get_string('path')) or authorize(peer))
        self.it.start()

    def until(self, condition):
        deadline = time.monotonic() + 30
        timer = GLib.timeout_add(10, lambda: True)  # so that the condition is looked at
        while not condition() and time.monotonic() < deadline:
            GLib.MainContext.default().iteration(True)
        GLib.source_remove(timer)
        assert condition(), (self.said, self.asked)

    def end(self):
        self.it.stop()
        self.until(lambda: self.ended)

    def count(self, label, identity='tick'):
        pipelines = self.it.get_stats().unpack()['pipelines']
        return pipelines[label]['elements'][identity]['num-buffers']


class Publisher:
    """A stream to an RTMP server; `refused` once the server has turned it away."""

    def __init__(self, url):
        self.pipeline = Gst.parse_launch(
            'audiotestsrc is-live=true ! avenc_aac ! aacparse ! flvmux streamable=true ! '
            f'rtmp2sink location="{url}"')
        self.refused = False
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect('message::error', lambda *_: setattr(self, 'refused', True))
        self.pipeline.set_state(Gst.State.PLAYING)

    def end(self):
        self.pipeline.get_bus().remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)


class Reload(unittest.TestCase):
    def test_what_differs(self):
        server = Server(ticks('kept'), ticks('changed'), ticks('gone'))
        server.until(lambda: server.count('kept') > 3)
        kept = server.it.get_element('kept', None)
        changed = server.it.get_element('changed', None)
        before = server.count('kept')
        self.assertTrue(server.it.reload(
            [ticks('kept'), ticks('changed', sleep=5000), ticks('more')]))
        server.until(lambda: sorted(server.it.dup_pipelines()) == ['changed', 'kept', 'more'])
        self.assertEqual(sorted(server.removed), ['changed', 'gone'])
        self.assertEqual(server.it.get_element('kept', None), kept)
        self.assertNotEqual(server.it.get_element('changed', None), changed)
        self.assertEqual(
            server.it.get_element('changed', 'tick').get_property('sleep-time'), 5000)
        server.until(lambda: server.count('kept') > before)
        server.end()

    def test_nothing_is_left(self):
        server = Server(ticks('one'))
        self.assertTrue(server.it.reload([]))
        server.until(lambda: server.ended)
        self.assertEqual(server.ended, [True])

    def test_port_in_use(self):
        server = Server(ticks('one'))
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaises(GLib.Error) as caught:
                server.it.reload([shipped('live', {**LOCAL, 'rtmp': f'127.0.0.1:{port}'})])
        self.assertTrue(caught.exception.matches(Penstock.error_quark(), Penstock.Error.RUN))
        self.assertIn(f'port {port} is in use', caught.exception.message)
        self.assertEqual(server.it.dup_pipelines(), ['one'])
        self.assertEqual(server.removed, [])
        server.end()

    def test_pages(self):
        first, second = free_port(), free_port()
        server = Server(shipped('live', {**LOCAL, 'http': f'127.0.0.1:{first}'}))
        socket.create_connection(('127.0.0.1', first), timeout=10).close()
        self.assertTrue(server.it.reload(
            [shipped('live', {**LOCAL, 'http': f'127.0.0.1:{second}'})]))
        socket.create_connection(('127.0.0.1', second), timeout=10).close()

        def is_closed():  # once the rules of before are gone
            try:
                socket.create_connection(('127.0.0.1', first), timeout=10).close()
            except ConnectionRefusedError:
                return True
        server.until(is_closed)
        server.end()

    def test_ports_of_a_reload_ask(self):
        first = shipped('live', LOCAL)
        server = Server(first, authorize=lambda peer: False)
        kept = first.dup_value('rtmp')
        again = shipped('live', LOCAL)
        more = shipped('live', {**LOCAL, **{name: f'127.0.0.1:{free_port()}'
                                            for name in ('rtmp', 'http', 'srt', 'rtsp')}})
        self.assertTrue(server.it.reload([again, more]))
        # The port that the system chose is kept.
        self.assertEqual(again.dup_value('rtmp'), kept)
        for binding, path in ((again, 'live/old'), (more, 'live/new')):
            publisher = Publisher(f'rtmp://{binding.dup_value("rtmp")}/{path}')
            server.until(lambda: publisher.refused)
            publisher.end()
        self.assertEqual(server.asked, ['live/old', 'live/new'])
        self.assertEqual(server.added, [])
        server.end()

    def test_shared_port_asks_once(self):
        live = shipped('live', LOCAL)
        server = Server(live, shipped('on-demand', LOCAL), authorize=lambda peer: True)
        publisher = Publisher(f'rtmp://{live.dup_value("rtmp")}/live/cam')
        server.until(lambda: 'live/cam' in server.added)
        self.assertEqual(server.asked, ['live/cam'])
        publisher.end()
        server.end()


class Drain(unittest.TestCase):
    RECORD = 'summary: x\nparameters: {file: {type: path, required: true}}\n' \
             'pipeline: audiotestsrc is-live=true ! audio/x-raw,format=S16LE ! qtmux ! ' \
             'identity name=written ! filesink location=${file}\n'

    def test_files_are_finished(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, 'sound.mov')
            server = Server(Penstock.Description.new_from_string(self.RECORD, 'record').bind(
                {'file': file}))
            server.until(lambda: os.path.exists(file) and server.count('record', 'written') > 10)
            server.it.drain(20000)
            with self.assertRaises(GLib.Error):
                server.it.reload([ticks('one')])
            server.until(lambda: server.ended)
            self.assertEqual(server.ended, [True])
            with open(file, 'rb') as written:
                self.assertIn(b'moov', written.read())  # qtmux writes it last

    def test_limit(self):
        # EOS is never passed on.
        server = Server(ticks('stuck'))
        tick = server.it.get_element('stuck', 'tick')
        tick.get_static_pad('src').add_probe(
            Gst.PadProbeType.EVENT_DOWNSTREAM, lambda pad, info: Gst.PadProbeReturn.DROP)
        since = time.monotonic()
        server.it.drain(500)
        server.it.drain(500)
        server.until(lambda: server.ended)
        self.assertGreaterEqual(time.monotonic() - since, 0.5)
        self.assertEqual(server.ended, [True])
        self.assertFalse(server.it.props.running)

    def test_stop_cuts_short(self):
        server = Server(ticks('stuck'))
        server.it.get_element('stuck', 'tick').get_static_pad('src').add_probe(
            Gst.PadProbeType.EVENT_DOWNSTREAM, lambda pad, info: Gst.PadProbeReturn.DROP)
        server.it.drain(60000)
        server.end()
        self.assertEqual(server.ended, [True])


if __name__ == '__main__':
    Gst.init(None)
    unittest.main(verbosity=2)
