#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The JSON Schema of descriptions: it accepts every file in pipelines/, rejects invalid ones, and
agrees with `penstock check` on both. Needs PENSTOCK and PENSTOCK_PIPELINES; the schema's file is
the first argument."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

PENSTOCK = os.environ["PENSTOCK"]
PIPELINES = os.environ["PENSTOCK_PIPELINES"]
with open(sys.argv.pop(1), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)

LINE = "pipeline: fakesrc ! fakesink\n"
HEAD = "summary: s\n"
GOOD = [
    HEAD + LINE,
    HEAD + "start: fakesrc ! fakesink\n",
    HEAD + "start: [fakesrc ! fakesink, {name: a, pipeline: [fakesrc !, {launch: fakesink}]}]\n",
    HEAD + "restart: always\n" + LINE,
    HEAD + "restart: {policy: on-failure, delay: 1.5 s, max-delay: 1min}\n" + LINE,
    HEAD + "parameters:\n"
    "  a: {type: int, default: 5, min: 1, max: '9'}\n"
    "  b: {type: float, default: 0.5}\n"
    "  c: {type: bool, default: false, secret: true}\n"
    "  d: {type: duration, default: 1.5min, min: 10ms, max: 1h}\n"
    "  e: {type: bitrate, default: 2.5Mbit/s}\n"
    "  f: {type: size, default: 512KiB}\n"
    "  g: {type: address, default: '[::1]:80'}\n"
    "  h: {type: path, required: true, help: x}\n"
    "  i: {type: url, default: 'rtmp://h/x'}\n"
    "  j: {type: choice, default: x, choices: [x, y]}\n"
    "  k: {type: choice, default: x, choices: {x: {n: 1}, y: {n: 2}}}\n"
    "  l: {type: string, default: '', min: 0, max: 9}\n"
    "  m: {type: path, required: '${j} == y'}\n"
    "  n: {type: path, default: x, required: '${j} != y and ${c} == true'}\n"
    "pipeline:\n  - {when: '${c} == true and ${a} != 3', launch: fakesrc !, hint: x}\n"
    "  - {when: '${c} != true', launch: fakesrc !}\n"
    "  - {when: '${c} == true and ${a} == 3', launch: fakesrc !}\n"
    "  - fakesink\n",
    HEAD + "parameters: {g: {type: duration, default: 3s}, p: {type: address, default: ':1'}}\n"
    "page: ${p}\npublish:\n  match: rtmp://:1935/live/{name}\n  grace: ${g:ns}\n"
    "  max-instances: 3\n  publish-key: x\n"
    "  pipeline: rtmpserversrc location=rtmp://:1935/live/${name} ! fakesink\n",
    HEAD + "parameters: {r: {type: address, default: 'off', optional: true}}\n"
    "publish:\n  match: ['rtmp://:1935/live/{name}', 'http://${r}/live/{name}/whip']\n  pipeline:\n"
    "    - {from: rtmp, launch: 'rtmpserversrc location=rtmp://:1935/live/${name} !'}\n"
    "    - {from: rtc, launch: 'rtcserversrc location=http://${r}/live/${name}/whip !'}\n"
    "    - fakesink\n",
    HEAD + "page: {address: ':8080', redirect-from: ':80', embed: ['https://a.org', 'http://b:3000', "
    "'https://*.c.org', '*']}\n" + LINE,
    HEAD + "play:\n  - match: ['rtmp://:1935/live/{name}_low', 'http://:8080/live/{name}_low.m3u8']\n"
    "    idle: 5s\n    max-instances: 2\n    pipeline: gopsrc channel=live/${name} ! fakesink\n",
    HEAD + LINE + "authorize: http://127.0.0.1:8000/\nnotify: https://a/b?c\n",
    HEAD + LINE + "parameters: {s: {type: string, default: x, secret: true}}\n"
    "authorize:\n  only: play\n  allow: [10.0.0.0/8, '::1']\n  deny: 10.1.0.0/16\n  sign: '${s}'\n"
    "  jwt: {keys: jwks.json, issuer: a, audience: b, claim: c}\n  url: http://a:1\n"
    "  style: mediamtx\n  secret: '${s}'\n  timeout: 2s\n  cache: 1min\n"
    "notify: {url: http://a, style: srs, secret: '${s}', timeout: 5s}\n",
    HEAD + "publish: {match: 'rtmp://:1/{n}', pipeline: 'rtmpserversrc location=rtmp://:1/${n} ! "
    "fakesink', authorize: {keys: a}, notify: http://a}\n"
    "play: {match: 'rtmp://:1/{n}_x', pipeline: 'gopsrc channel=${n} ! fakesink', "
    "authorize: {jwt: a}, notify: http://a}\n",
]
BAD = [
    "", "[]\n", "summary: s\n", LINE, "summary: [s]\n" + LINE,
    "summary: |\n  two\n  lines\n" + LINE,
    HEAD + LINE + "start: fakesrc ! fakesink\n",
    HEAD + "pipelines: fakesrc ! fakesink\n",
    HEAD + "pipeline: ''\n", HEAD + "pipeline: []\n", HEAD + "start: []\n",
    HEAD + "pipeline: [{when: '${a} == b'}]\n",
    HEAD + "pipeline: [{launch: fakesrc ! fakesink, wen: x}]\n",
    HEAD + "start: {name: x}\n",
    HEAD + "restart: sometimes\n" + LINE,
    HEAD + "restart: {delay: 2}\n" + LINE,
    HEAD + "restart: {dely: 2s}\n" + LINE,
    HEAD + "page: 8080x\n" + LINE,
    *(HEAD + "page: %s\n%s" % (page, LINE) for page in (
        "{embed: ['*']}", "{address: 8080x}", "{address: ':80', embed: []}",
        "{address: ':80', embed: [a.org]}", "{address: ':80', embed: ['https://a.org; script-src *']}",
        "{address: ':80', redirect-from: http}", "{address: ':80', port: 1}")),
    HEAD + "publish: []\n",
    HEAD + "publish: {match: 'rtmp://:1/{n}'}\n",
    HEAD + "publish: {match: [], pipeline: rtmpserversrc ! fakesink}\n",
    HEAD + "parameters: {a: {type: string, default: x, optional: true}}\n" + LINE,
    HEAD + "pipeline: [{from: RTMP, launch: fakesrc ! fakesink}]\n",
    HEAD + "publish: {match: 'http://:1/{n}', pipeline: rtmpserversrc ! fakesink}\n",
    HEAD + "publish: {match: 'rtmp://:1/{n}?x', pipeline: rtmpserversrc ! fakesink}\n",
    HEAD + "publish: {match: 'rtmp://:1/{n}', pipeline: rtmpserversrc ! fakesink, grace: 3}\n",
    HEAD + "publish: {match: 'rtmp://:1/{n}', pipeline: rtmpserversrc ! fakesink, "
    "max-instances: 0}\n",
    HEAD + "play: {match: 'rtmp://:1/{n}'}\n",
    HEAD + "play: {match: [], pipeline: gopsrc ! fakesink}\n",
    HEAD + "play: {match: 'udp://:1/{n}', pipeline: gopsrc ! fakesink}\n",
    HEAD + "play: {match: 'rtmp://:1/{n}', pipeline: gopsrc ! fakesink, idle: 5}\n",
    HEAD + "play: {match: 'rtmp://:1/{n}', pipeline: gopsrc ! fakesink, grace: 5s}\n",
    HEAD + "parameters: {A: {type: int, default: 1}}\n" + LINE,
    *(HEAD + LINE + text + "\n" for text in (
        "authorize: []", "authorize: {}", "authorize: ftp://a", "authorize: {only: play}",
        "authorize: {url: 'http://u:p@a'}", "authorize: {deny: []}", "authorize: {urll: http://a}",
        "authorize: {deny: '::1', cache: 1s}", "authorize: {url: http://a, style: apache}",
        "authorize: {url: http://a, timeout: 3}", "authorize: {jwt: {issuer: a}}",
        "authorize: {url: http://a, only: all}", "notify: {style: srs}", "notify: [http://a]",
        "notify: {url: http://a, cache: 1s}")),
    *(HEAD + "parameters: {a: %s}\n%s" % (parameter, LINE) for parameter in (
        "5", "{default: 1}", "{type: number, default: 1}", "{type: int}",
        "{type: int, default: 1, required: true}", "{type: int, default: x}",
        "{type: int, required: sometimes}", "{type: int, required: '${b}'}",
        "{type: int, default: 1.5}", "{type: int, default: 1, min: x}",
        "{type: float, default: x}", "{type: bool, default: 1}", "{type: duration, default: 2}",
        "{type: duration, default: 2d}", "{type: duration, default: 2s, max: 3}",
        "{type: bitrate, default: 800}", "{type: size, default: 10Mb}",
        "{type: address, default: 1935}", "{type: address, default: host}",
        "{type: url, default: host/x}", "{type: choice, default: x}",
        "{type: choice, default: x, choices: []}", "{type: int, default: 1, choices: [1]}",
        "{type: int, default: 1, secret: 1}", "{type: int, default: 1, defualt: 2}",
        "{type: bool, default: true, min: 1}")),
]


class Schema(unittest.TestCase):
    def setUp(self):
        self.validator = jsonschema.Draft202012Validator(SCHEMA)

    def check(self, text):
        """The errors of `penstock check` for a text."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "x.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run([PENSTOCK, "check", path], capture_output=True, text=True,
                                  timeout=60)
            return done.stderr if done.returncode else ""  # a warning is no fault

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

        def described(node, path):
            for name, value in node.get("properties", {}).items():
                if not path or path[0] == "$defs" and len(path) == 2:
                    target = value
                    if "$ref" in value and "description" not in value:
                        target = SCHEMA
                        for step in value["$ref"].split("/")[1:]:
                            target = target[step]
                    self.assertTrue(target.get("description"), path + [name])

        described(SCHEMA, [])
        for name, definition in SCHEMA["$defs"].items():
            described(definition, ["$defs", name])

    def test_every_description_is_taken(self):
        names = [name for name in sorted(os.listdir(PIPELINES)) if name.endswith(".yaml")]
        self.assertGreater(len(names), 5)
        for name in names:
            with open(os.path.join(PIPELINES, name), encoding="utf-8") as file:
                errors = list(self.validator.iter_errors(yaml.safe_load(file)))
            self.assertEqual(errors, [], name)

    def test_good_ones_are_taken(self):
        for text in GOOD:
            errors = list(self.validator.iter_errors(yaml.safe_load(text)))
            self.assertEqual(errors, [], text)
            self.assertEqual(self.check(text), "", text)

    def test_bad_ones_are_refused(self):
        for text in BAD:
            self.assertTrue(list(self.validator.iter_errors(yaml.safe_load(text))), text)
            self.assertNotEqual(self.check(text), "", text)


if __name__ == "__main__":
    unittest.main()
