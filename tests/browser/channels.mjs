// SPDX-License-Identifier: LGPL-2.1-or-later
// Data channels between Chromium and the server: texts both ways, long and empty ones, closing, and
// more channels than there may be. channels.mjs CHANNEL_ECHO
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [program] = process.argv.slice(2);
const server = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
const port = Number(/^port (\d+)$/.exec((await lines.next()).value)[1]);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
try {
  const page = await browser.newPage();
  const offer = await page.evaluate(async () => {
    window.peer = new RTCPeerConnection();
    window.channel = peer.createDataChannel('room');
    await peer.setLocalDescription();
    return peer.localDescription.sdp;
  });
  const response = await fetch(`http://127.0.0.1:${port}/live/room/whip`, {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: offer });
  assert.equal(response.status, 201);
  const result = await page.evaluate(async (sdp) => {
    const opened = (channel) => new Promise((done) => { channel.onopen = done; });
    const closed = (channel) => new Promise((done) => { channel.onclose = done; });
    const next = (channel, count = 1) => new Promise((done) => {
      const all = [];
      channel.onmessage = ({ data }) => { if (all.push(data) === count) done(all); };
    });
    const out = {};
    const first = opened(channel);
    await peer.setRemoteDescription({ type: 'answer', sdp });
    await first;
    out.longest = peer.sctp.maxMessageSize;

    const sent = Array.from({ length: 1000 }, (_, i) => `text ${i}`);
    const back = next(channel, sent.length);
    sent.forEach((text) => channel.send(text));
    out.inOrder = (await back).every((text, i) => text === sent[i]);
    const long = 'ü'.repeat(32768);
    const longBack = next(channel);
    channel.send(long);
    out.long = (await longBack)[0] === long;
    try { channel.send('x'.repeat(65537)); } catch (error) { out.tooLong = error.name; }

    const gone = closed(channel);
    channel.close();
    await gone;
    const other = peer.createDataChannel('again', { ordered: false, maxPacketLifeTime: 500 });
    await opened(other);
    const empty = next(other);
    other.send('');
    out.empty = (await empty)[0];

    // Of 20 more there is room for 15; the others are closed.
    const many = Array.from({ length: 20 }, (_, i) => peer.createDataChannel(`many ${i}`));
    const refused = many.slice(15).map(closed);
    await Promise.all(refused);
    const last = next(many[14]);
    many[14].send('still here');
    out.last = (await last)[0];
    out.states = many.map(({ readyState }) => readyState);
    peer.close();
    return out;
  }, await response.text());
  assert.deepEqual(result, {
    longest: 65536, inOrder: true, long: true, tooLong: 'TypeError', empty: '', last: 'still here',
    states: [...Array(15).fill('open'), ...Array(5).fill('closed')],
  });
  console.log('ok: 1000 texts, in order');
} finally {
  await browser.close();
  server.stdin.end();
}
