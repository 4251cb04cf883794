// SPDX-License-Identifier: LGPL-2.1-or-later
// What the page reads of WHIP's answers and of the statistics, and which transport it takes. Needs
// no browser: rtc_units.mjs DIRECTORY-OF-THE-COMPILED-PAGE
import assert from 'node:assert/strict';

const [page] = process.argv.slice(2);
const { iceServersOf, reasonOf, retryAfterOf, withStereo } = await import(`file://${page}/whip.js`);
const { Transports, isTransport } = await import(`file://${page}/transports.js`);
const { readInbound, readOutbound } = await import(`file://${page}/rtcstats.js`);
const { layersOf } = await import(`file://${page}/publisher.js`);

// STUN and TURN servers; the example of RFC 9725, section 4.6, in one header.
assert.deepEqual(iceServersOf('<stun:stun.example.net>; rel="ice-server", ' +
  '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; ' +
  'credential="myPassword"; credential-type="password", ' +
  '<turns:turn.example.net?transport=tcp>; rel="ice-server"; username="user"; ' +
  'credential="my,\\"Pass;word\\""; credential-type="password"'), [
  { urls: 'stun:stun.example.net' },
  { urls: 'turn:turn.example.net?transport=udp', username: 'user', credential: 'myPassword' },
  { urls: 'turns:turn.example.net?transport=tcp', username: 'user', credential: 'my,"Pass;word"' },
]);
for (const none of [null, '', '<stun:a>', '<https://a>; rel="ice-server"',
  '<turn:a>; rel="ice-server"', '<stun:a>; rel="next"', 'stun:a; rel="ice-server"', '<<>>;;;,"']) {
  assert.deepEqual(iceServersOf(none), [], String(none));
}
assert.equal(iceServersOf('<stun:a>; rel="ice-server",'.repeat(50)).length, 8);

// The server's words: the first sentence, and not more than fits.
const words = 'The stream has B-frames. Turn them off.\nMore.\n';
assert.equal(reasonOf(words, 'text/plain; charset=utf-8'), 'The stream has B-frames');
assert.equal(reasonOf('Use 1.2.3 of it\n', 'text/plain'), 'Use 1.2.3 of it');
assert.equal(reasonOf('{"title":"No", "detail":"No H.264."}', 'application/problem+json'),
  'No H.264');
assert.equal(reasonOf('{"title":"Not now"}', 'application/json'), 'Not now');
for (const [body, type] of [['<p>no</p>', 'text/html'], ['{', 'application/json'],
  ['{"detail":5}', 'application/problem+json'], ['', 'text/plain']]) {
  assert.equal(reasonOf(body, type), '');
}
assert.equal(reasonOf('x'.repeat(9999), 'text/plain').length, 200);
for (const [value, time] of [['7', 7000], ['0', 0], ['', null], ['-1', null], ['1.5', null],
  ['999999', null], ['Wed, 21 Oct 2026 07:28:00 GMT', null], [null, null]]) {
  assert.equal(retryAfterOf(value), time);
}

// Opus in stereo, and nothing else.
const sdp = ['m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9', 'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1', 'a=rtpmap:63 red/48000/2', 'a=fmtp:63 111/111',
  'a=rtpmap:9 G722/8000', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 H264/90000', '',
].join('\r\n');
const edited = withStereo(sdp);
assert.equal(edited, sdp.replace('useinbandfec=1', 'useinbandfec=1;stereo=1'));
assert.equal(withStereo(edited), edited, 'once only');

// Which transport: the quickest, the viewer's, and never one that has just failed.
const all = { rtc: '/x/whep', hls: '/x.m3u8', flv: '/x.flv', ts: null, plain: null };
const abilities = { rtc: true, hls: true, flv: true };
let choice = new Transports(abilities);
assert.deepEqual(choice.of(all), ['rtc', 'hls', 'flv']);
assert.deepEqual(new Transports({ ...abilities, rtc: false }).of(all), ['hls', 'flv']);
assert.equal(choice.best(all, 0), 'rtc');
assert.equal(choice.problem(all, 'rtc'), null);
choice.leaveOut({ transport: 'rtc', reason: 'why' }, 1000);
assert.equal(choice.best(all, 999), 'hls');
assert.equal(choice.best(all, 1000), 'rtc', 'for a while');
assert.deepEqual(choice.problem(all, 'hls'), { transport: 'rtc', reason: 'why' });
assert.equal(choice.problem({ ...all, rtc: null }, 'hls'), null, 'the stream does not have it');
assert.equal(choice.best({ ...all, hls: null, flv: null }, 0), 'rtc', 'there is no other');
assert.ok(choice.want('flv'));
assert.ok(!choice.want('flv'), 'nothing changes');
assert.equal(choice.best(all, 0), 'flv');
assert.equal(choice.best({ ...all, flv: null }, 0), 'hls', 'the next where it is not to be had');
assert.ok(choice.want('rtc'), 'the viewer wants it all the same');
assert.equal(choice.best(all, 0), 'rtc');
choice.leaveOut({ transport: 'rtc', reason: 'why' }, Infinity);
assert.ok(choice.want('rtc'), 'and again');
choice.leaveOut({ transport: 'rtc', reason: 'why' }, Infinity);
choice.forget();
assert.equal(choice.best(all, 0), 'rtc', 'another publisher');
choice = new Transports(abilities);
assert.equal(choice.best({ ...all, rtc: null, hls: null, flv: null, ts: '/x.ts' }, 0), 'flv');
assert.equal(choice.best({ rtc: null, hls: null, flv: null, ts: null, plain: null }, 0), null);
assert.deepEqual(['rtc', 'hls', 'plain', 'x', null, 5].map(isTransport),
  [true, true, true, false, false, false]);

// Statistics: what counts of them.
const report = (...entries) => new Map(entries.map((entry, i) => [i, entry]));
assert.deepEqual(readInbound(report()), { roundTrip: null,
  video: { packets: 0, lost: 0, frames: 0, held: 0, played: 0 },
  audio: { packets: 0, lost: 0, frames: 0, held: 0, played: 0 } });
const inbound = readInbound(report(
  { type: 'candidate-pair', nominated: false, currentRoundTripTime: 9 },
  { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.02 },
  { type: 'inbound-rtp', kind: 'video', packetsReceived: 5, packetsLost: 1, framesDecoded: 3,
    totalProcessingDelay: 0.3, jitterBufferDelay: 9, jitterBufferEmittedCount: 4 },
  { type: 'inbound-rtp', kind: 'audio', packetsReceived: 7, packetsLost: -2, jitterBufferDelay: 96,
    jitterBufferEmittedCount: 4800 }));
assert.deepEqual(inbound, { roundTrip: 0.02,
  video: { packets: 5, lost: 1, frames: 3, held: 0.3, played: 3 },
  audio: { packets: 7, lost: 0, frames: 0, held: 96, played: 4800 } });
const outbound = readOutbound(report(
  { type: 'outbound-rtp', kind: 'video', bytesSent: 10, framesEncoded: 1, frameWidth: 320,
    frameHeight: 180, timestamp: 5 },
  { type: 'outbound-rtp', kind: 'video', bytesSent: 20, framesEncoded: 1, frameWidth: 1280,
    frameHeight: 720, framesPerSecond: 30, codecId: 'c', qualityLimitationReason: 'cpu',
    timestamp: 6 },
  { type: 'outbound-rtp', kind: 'video', bytesSent: 0, framesEncoded: 0, timestamp: 6 },
  { type: 'outbound-rtp', kind: 'audio', bytesSent: 3, timestamp: 6 },
  { type: 'codec', id: 'c', mimeType: 'video/H264' }));
assert.deepEqual(outbound, { at: 6, roundTrip: null, bytes: 33, width: 1280, height: 720, rate: 30,
  codec: 'H264', limitedBy: 'cpu', layers: 2 });

// What is sent: one size, or three.
const sending = { url: '', key: '', codec: 'H264', bitrate: 900000, simulcast: false };
assert.deepEqual(layersOf(sending), [{ maxBitrate: 900000 }]);
assert.deepEqual(layersOf({ ...sending, simulcast: true }), [
  { rid: 'f', maxBitrate: 900000 },
  { rid: 'h', maxBitrate: 300000, scaleResolutionDownBy: 2 },
  { rid: 'q', maxBitrate: 100000, scaleResolutionDownBy: 4 },
]);
for (const { scalabilityMode } of layersOf({ ...sending, codec: 'VP9', simulcast: true })) {
  assert.equal(scalabilityMode, 'L1T1');
}
console.log('ok');
