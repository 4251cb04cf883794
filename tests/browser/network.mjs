// SPDX-License-Identifier: LGPL-2.1-or-later
// Chromium behind networks that lose packets, or carry too little, as viewer and as publisher:
// network.mjs TEST PENSTOCK DIRECTORY
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { RtcPeer } from './rtc_peer.mjs';
import { Server, until } from './server.mjs';

const [test, program, directory] = process.argv.slice(2);
const NAME = 'live/cam';
const LOSSY = { loss: 0.05, delay: 20 }; // each way

/** 2 Mbit/s with a keyframe every two seconds, and sound. */
function footage() {
  const file = `${directory}/two-megabit.mp4`;
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i',
    'testsrc2=size=640x360:rate=30:duration=20,noise=alls=12:allf=t', '-f', 'lavfi', '-i',
    'sine=frequency=440:duration=20', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune',
    'zerolatency', '-pix_fmt', 'yuv420p', '-g', '60', '-sc_threshold', '0', '-b:v', '2000k',
    '-maxrate', '2000k', '-bufsize', '1000k', '-c:a', 'aac', file]);
  return file;
}

const isLive = (server) => until('it is live', async () =>
  (await server.streams()).some(({ name, live }) => name === NAME && live), 30000);

async function received(peer) {
  const figures = await peer.figures();
  const [video, audio] = ['video', 'audio'].map((kind) => figures[`inbound-rtp-${kind}`]?.[0] ?? {});
  return { frames: video.framesDecoded ?? 0, freezes: video.totalFreezesDuration ?? 0,
    width: video.frameWidth, plis: video.pliCount ?? 0, repairs: video.retransmittedPacketsReceived ?? 0,
    concealed: audio.concealedSamples ?? 0, samples: audio.totalSamplesReceived ?? 0 };
}

/** Of a stream with a frame each `step` ticks: how many frames there were between the first and the
 * last of these RTP timestamps, and how many of them are missing. */
function counted(timestamps, step) {
  const all = timestamps.length < 2 ? 0
    : Math.round(((timestamps.at(-1) - timestamps[0]) >>> 0) / step) + 1;
  return { all, missing: all - new Set(timestamps).size };
}

/** What comes within so many milliseconds. */
async function during(peer, ms) {
  const before = await received(peer);
  await peer.gaps();
  await peer.decoded();
  await pause(ms);
  const decoded = await peer.decoded();
  const after = await received(peer);
  const difference = Object.fromEntries(Object.entries(after).map(([name, value]) =>
    [name, value - before[name]]));
  return { ...difference, longest: Math.max(0, ...await peer.gaps()), width: after.width,
    ...counted(decoded, 3000), concealedShare: difference.concealed / Math.max(difference.samples, 1) };
}

const TESTS = {
  /** A viewer that loses a packet in twenty, each way. */
  async watch_loss(browser, server) {
    server.publish(footage(), NAME);
    await isLive(server);
    const good = await RtcPeer.watch(browser, server, NAME);
    const lossy = await RtcPeer.watch(browser, server, NAME, LOSSY);
    await until('it plays', async () => (await received(lossy)).frames > 90);
    await pause(4000); // the loss becomes known
    const [best, worse] = await Promise.all([during(good, 60000), during(lossy, 60000)]);
    console.log(`# without loss ${JSON.stringify(best)}; with ${JSON.stringify(worse)}`);
    assert.ok(worse.repairs > 100, 'packets were lost, and came again');
    // A busy machine costs the viewer without loss some frames, too.
    assert.ok(worse.missing <= best.missing + 0.001 * worse.all, 'all frames are decoded');
    assert.ok(worse.longest < best.longest + 500, 'no frame stands for half a second');
    assert.ok(worse.concealedShare < best.concealedShare + 0.02, 'lost audio is repeated');
    assert.equal(worse.plis, 0, 'no keyframe had to be asked for');
  },

  /** A publisher that does. */
  async publish_loss(browser, server) {
    const publisher = await RtcPeer.publish(browser, server, NAME,
      { width: 640, height: 360, codec: 'H264', encodings: [{ maxBitrate: 1500000 }],
        notesFrames: true }, LOSSY);
    await isLive(server);
    const viewer = await RtcPeer.watch(browser, server, NAME, {}, {}, true);
    await until('it plays', async () => (await received(viewer)).frames > 90);
    await Promise.all([publisher.coded(), viewer.coded()]);
    const watched = await during(viewer, 60000);
    const [sent, came] = await Promise.all([publisher.coded(), viewer.coded()]);
    // Frames are known by their bytes at both ends; those under way at the beginning and at the end
    // do not count.
    const marks = new Set(came.map(({ mark }) => mark));
    const arrived = sent.map(({ mark }) => marks.has(mark));
    const whole = arrived.slice(arrived.indexOf(true), arrived.lastIndexOf(true) + 1);
    const missing = whole.filter((one) => !one).length;
    console.log(`# ${missing} of ${whole.length} frames missing; ${JSON.stringify(watched)}`);
    assert.ok(whole.length > 300, 'frames were sent');
    assert.ok(missing <= 0.001 * whole.length, 'all frames come through');
    assert.ok(watched.concealedShare < 0.02, 'lost audio is repeated');
  },

  /** 300 kbit/s of 2.2 Mbit/s: keyframes and sound, then all again; another viewer sees nothing of
   * that. */
  async slow_viewer(browser, server) {
    server.publish(footage(), NAME);
    await isLive(server);
    const good = await RtcPeer.watch(browser, server, NAME);
    const slow = await RtcPeer.watch(browser, server, NAME, { delay: 20 });
    await until('both play', async () => (await received(good)).frames > 90 &&
      (await received(slow)).frames > 90);
    slow.network.down = { delay: 20, rate: 300000 };
    await pause(6000);
    const [best, least] = await Promise.all([during(good, 15000), during(slow, 15000)]);
    console.log(`# other viewer ${JSON.stringify(best)}; slow one ${JSON.stringify(least)}`);
    assert.ok(least.frames < best.frames / 4, 'there is less of the picture');
    assert.ok(least.concealed < 0.05 * least.samples, 'the sound goes on');
    assert.ok(best.frames > 15 * 25, 'the other one gets all');
    slow.network.down = { delay: 20 };
    await until('it gets all again', async () => (await during(slow, 2000)).frames > 40, 90000);
  },
};

mkdirSync(directory, { recursive: true });
const server = await Server.start(program);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    '--disable-features=WebRtcHideLocalIpsWithMdns'],
});
try {
  await TESTS[test](browser, server);
  console.log(`ok: ${test}`);
} catch (error) {
  process.exitCode = 1;
  console.error(error);
  console.error(server.log);
} finally {
  await browser.close();
  await server.stop();
}
process.exit(); // sockets of the networks are open
