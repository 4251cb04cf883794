// SPDX-License-Identifier: LGPL-2.1-or-later
// DASH in Chromium, from the segments that HLS has, too: dash.js and shaka-player at the live edge,
// with video by itself and with audio, and through a pause of the publisher; and ffmpeg's reader.
// dash.mjs PENSTOCK DASH.JS-FILE SHAKA-FILE SHOTS
// With a fifth argument it watches that many seconds, and prints what it saw.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Server, until } from './server.mjs';

const [program, dashLibrary, shakaLibrary, shots, watched] = process.argv.slice(2);
const SECONDS = Number(watched ?? 5);
mkdirSync(shots, { recursive: true });

const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor(values.length * share)];
const told = (values) => `median ${quantile(values, 0.5).toFixed(3)} s, 95 % within ${quantile(values, 0.95).toFixed(3)} s`;

const server = await Server.start(program, ['live'], null, ['latency=low', 'segment=1s']);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});
const manifest = (name) => `${server.url}/${name}/index.mpd`;

const DASH = (url) => {
  const video = document.getElementById('video');
  const player = window.dashjs.MediaPlayer().create();
  const { ERROR, BUFFER_EMPTY } = window.dashjs.MediaPlayer.events;
  player.on(ERROR, ({ error }) => window.problems.push(`${error.code} ${error.message}`));
  player.on(BUFFER_EMPTY, () => { window.stalls += 1; });
  player.initialize(video, url, true);
  window.latency = () => player.getCurrentLiveLatency();
  window.end = () => player.destroy();
};
const SHAKA = async (url) => {
  const video = document.getElementById('video');
  const player = new window.shaka.Player();
  await player.attach(video);
  player.configure('streaming.lowLatencyMode', true);
  player.addEventListener('error', ({ detail }) => window.problems.push(`${detail.code} ${detail.data}`));
  video.addEventListener('waiting', () => { window.stalls += 1; });
  await player.load(url);
  video.play();
  // Its own figure leaves out presentationTimeOffset.
  const since = Date.parse(/availabilityStartTime="([^"]*)"/.exec(await (await fetch(url)).text())[1]);
  window.latency = () => (Date.now() - since) / 1000 - video.currentTime;
  window.end = () => player.destroy();
};

/** A page that plays; `window.latencies` collects what the player says of itself. */
async function open(library, start, url) {
  const page = await browser.newPage();
  page.on('console', (message) => { if (process.env.DEBUG) console.log(message.text()); });
  const missing = [];
  page.on('response', (response) => { if (response.status() >= 400) missing.push(`${response.status()} ${response.url()}`); });
  await page.setContent('<!doctype html><video id=video muted width=640></video>');
  await page.addScriptTag({ path: library });
  await page.evaluate(() => {
    Object.assign(window, { problems: [], latencies: [], stalls: 0 });
    setInterval(() => {
      const latency = window.latency?.();
      if (latency > 0 && !document.getElementById('video').paused) window.latencies.push(latency);
    }, 100);
  });
  await page.evaluate(start, url);
  return { page, missing };
}

const state = (page) => page.evaluate(() => {
  const video = document.getElementById('video');
  return {
    problems: window.problems, latencies: window.latencies, stalls: window.stalls, time: video.currentTime,
    audio: video.webkitAudioDecodedByteCount, frames: video.getVideoPlaybackQuality().totalVideoFrames,
  };
});
const frames = (page, count, ms = 30000) => until(`${count} frames are shown`, async () => {
  const { frames: shown, problems } = await state(page);
  assert.deepEqual(problems, []);
  return shown >= count;
}, ms);

async function plays(what, library, start, name, { audio = false } = {}) {
  const { page, missing } = await open(library, start, manifest(name));
  await frames(page, 30);
  await page.waitForTimeout(2000);
  await page.evaluate(() => { window.latencies = []; window.stalls = 0; });
  const before = await state(page);
  await frames(page, before.frames + 20 * SECONDS, 30000 + 1000 * SECONDS);
  const seen = await state(page);
  console.log(`# ${what}: ${told(seen.latencies)} behind capture, ${seen.stalls} stalls, ${missing.length} requests in vain`);
  for (const one of missing.slice(0, 5)) console.log(`#   ${one}`);
  if (audio) assert.ok(seen.audio > before.audio, `${what} decodes audio`);
  await page.screenshot({ path: `${shots}/${what.replace(/\W+/g, '-')}.png` });
  await page.evaluate(() => window.end());
  await page.close();
}

/** The publisher goes and comes again; the same player plays what comes. */
async function pause(what, library, start, name) {
  const { page, missing } = await open(library, start, manifest(name));
  await frames(page, 60);
  await server.publishers.at(-1).stop();
  await until('the playlist has a gap', async () => (await (await fetch(`${server.url}/${name}/index.m3u8`)).text()).match(/#EXT-X-GAP/g)?.length > 1);
  server.publishStamped(name);
  await until('the MPD has another Period', async () => (await (await fetch(manifest(name))).text()).match(/<Period /g)?.length > 1);
  const before = await state(page);
  await frames(page, before.frames + 60, 40000);
  const after = await state(page);
  console.log(`# ${what} after a pause: ${after.latencies.at(-1).toFixed(3)} s behind capture, ${missing.length} requests in vain`);
  await page.close();
}

try {
  const began = Date.now();
  server.publishStamped('live/cam');
  server.publishStamped('live/both', { audio: true });
  for (const name of ['live/cam', 'live/both']) {
    await until('the stream is there', async () => (await fetch(manifest(name))).ok, 30000);
  }
  if (process.env.DEBUG) console.log(await (await fetch(manifest('live/both'))).text());
  await plays('dash.js', dashLibrary, DASH, 'live/cam');
  await plays('shaka', shakaLibrary, SHAKA, 'live/cam');
  await plays('dash.js with audio', dashLibrary, DASH, 'live/both', { audio: true });
  await plays('shaka with audio', shakaLibrary, SHAKA, 'live/both', { audio: true });
  // It takes presentationTimeOffset for time that has passed: before ten seconds it finds nothing.
  await until('the stream has run for a while', async () => Date.now() - began > 15000);
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-xerror', '-i', manifest('live/cam'), '-t', '3', '-f', 'null', '-'], { timeout: 60000 });
  console.log('# ffmpeg reads it');
  server.publishers.reverse(); // the first is that of live/cam
  await pause('dash.js', dashLibrary, DASH, 'live/cam');
  await browser.close();
  assert.equal(await server.penstock.stop(), 0, 'penstock ends with exit code 0');
  console.log('ok');
} catch (error) {
  process.exitCode = 1;
  console.error(error);
  await browser.contexts()[0]?.pages()[0]?.screenshot({ path: `${shots}/failed-dash.png` }).catch(() => {});
  console.error(server.log);
} finally {
  await browser.close();
  await server.stop();
}
