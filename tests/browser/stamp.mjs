// SPDX-License-Identifier: LGPL-2.1-or-later
// Compares the page's stamp reader with latencyread, checks what it rejects, and tests catching up.
// Needs no browser: stamp.mjs DIRECTORY-OF-THE-COMPILED-PAGE SCRATCH-DIRECTORY
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { readLatency } from './server.mjs';

const [page, scratch] = process.argv.slice(2);
const { decode } = await import(`file://${page}/stampcode.js`);
const { find, readAt } = await import(`file://${page}/stampfinder.js`);
const { decide } = await import(`file://${page}/catchup.js`);

/** A fixed sequence of pseudo-random numbers, 0 to 2^32 - 1. */
let seed = 1;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed >>> 8;
};

// The bytes of tests/unit/latency_code.cpp.
const golden = Uint8Array.from(Buffer.from('43b8fa0b95ba7fe68d3009822eebd301a096ec0563f79f5df9', 'hex'));
const said = { time: 1764000000123456, frame: 1234, source: 7 };
assert.deepEqual(decode(golden), said);

function damaged(count) {
  const word = Uint8Array.from(golden);
  const places = new Set();
  while (places.size < count) places.add(random() % word.length);
  for (const place of places) word[place] ^= 1 + (random() % 255);
  return word;
}
for (let count = 1; count <= 25; count += 1) {
  for (let i = 0; i < 400; i += 1) {
    assert.deepEqual(decode(damaged(count)), count <= 4 ? said : null, `${count} bytes`);
  }
}
for (let i = 0; i < 20000; i += 1) {
  assert.equal(decode(Uint8Array.from({ length: 25 }, random)), null);
}

// Frames through x264: the page reads the same as latencyread.
mkdirSync(scratch, { recursive: true });
const file = `${scratch}/stamped.gray`;
for (const [width, height, stamp, pattern] of [[640, 360, 'mode=code', 'ball'],
  [424, 240, 'text=small', 'ball'], [1280, 720, 'x=1 y=0', 'ball'], [640, 360, 'opacity=0.5', 'ball'],
  [640, 360, 'opacity=0.5 y=0.9', 'smpte']]) { // edges of the scene behind the code
  const output = execFileSync('gst-launch-1.0', ['-m', 'videotestsrc', 'num-buffers=60',
    `pattern=${pattern}`, '!', 'video/x-raw,format=I420,width=640,height=360,framerate=30/1', '!',
    'latencystamp', 'source-id=300', ...stamp.split(' '), '!',
    'x264enc', 'bitrate=300', 'tune=zerolatency', '!', 'avdec_h264', '!', 'videoscale', '!',
    `video/x-raw,width=${width},height=${height}`, '!', 'latencyread', 'interval=0', '!',
    'videoconvert', '!', 'video/x-raw,format=GRAY8', '!', 'filesink', `location=${file}`],
  { encoding: 'utf8', maxBuffer: 1 << 26 });
  const messages = output.split('\n').map(readLatency).filter(Boolean);
  const data = new Uint8Array(readFileSync(file));
  assert.equal(messages.length, 60);
  assert.equal(data.length, 60 * width * height);
  let place = null;
  messages.forEach(({ verdict, frame, sent }, i) => {
    assert.equal(verdict, 'ok');
    const picture = { data: data.subarray(i * width * height, (i + 1) * width * height), width, height };
    const found = find(picture);
    assert.deepEqual(found?.stamp, { time: sent, frame, source: 300 }, `frame ${i}, ${stamp}`);
    place ??= found.place;
    assert.deepEqual(readAt(picture, place), found.stamp, 'where the first one was');
  });
}

// Nothing is read in frames without a stamp.
for (let i = 0; i < 40; i += 1) {
  const data = Uint8Array.from({ length: 320 * 180 }, i % 2 ? random : () => i * 6);
  assert.equal(find({ data, width: 320, height: 180 }), null);
}

const settings = { target: 0.5, start: 1.2, fastest: 1.1, jump: 6, reserve: 0.2 };
const decided = (behind, catching, ahead = behind) => decide({ behind, ahead }, settings, catching);
assert.deepEqual(decided(1, false), { rate: 1, jump: false, catching: false });
assert.deepEqual(decided(1.3, false), { rate: 1.08, jump: false, catching: true });
assert.deepEqual(decided(1, true), { rate: 1.06, jump: false, catching: true }, 'down to the target');
assert.deepEqual(decided(0.5, true), { rate: 1, jump: false, catching: false });
assert.deepEqual(decided(4, false), { rate: 1.1, jump: false, catching: true }, 'no faster than allowed');
assert.deepEqual(decided(4, true, 0.1), { rate: 1, jump: false, catching: false }, 'it would run dry');
assert.deepEqual(decided(6.5, true), { rate: 1, jump: true, catching: false });
console.log('ok');
