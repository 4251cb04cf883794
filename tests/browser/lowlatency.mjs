// SPDX-License-Identifier: LGPL-2.1-or-later
// Low-latency HLS in Chromium: by hls.js as it comes, from a stream's first part on, and by the
// viewers' page, through a pause of the publisher. lowlatency.mjs PENSTOCK HLS.JS-FILE SHOTS
// With a fourth argument it watches that many seconds, and prints what it saw.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { Server, until } from './server.mjs';

const [program, library, shots, watched] = process.argv.slice(2);
const NAME = 'live/cam';
const SECONDS = Number(watched ?? 5);
mkdirSync(shots, { recursive: true });

const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.floor(values.length * share)];
const told = (values) => `median ${quantile(values, 0.5).toFixed(3)} s, 95 % within ${quantile(values, 0.95).toFixed(3)} s`;

const server = await Server.start(program, ['live'], null, ['latency=low', 'segment=1s']);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});
const playlist = `${server.url}/${NAME}/index.m3u8`;

/** hls.js with its defaults, from the first playlist on: it may not give up, and is near the edge. */
async function plainPlayer() {
  const page = await browser.newPage();
  await page.setContent('<!doctype html><video id=video muted></video>');
  await page.addScriptTag({ path: library });
  server.publishStamped(NAME);
  // 404 until it is published; then the answer waits for the first part.
  await until('the stream is there', async () => (await fetch(playlist)).ok, 30000);
  await page.evaluate((url) => {
    window.problems = [];
    window.latencies = [];
    window.stalls = 0;
    const video = document.getElementById('video');
    const hls = new window.Hls();
    hls.on(window.Hls.Events.ERROR, (_, data) => {
      if (data.fatal) window.problems.push(`${data.type} ${data.details} ${data.reason ?? ''}`);
      else if (data.details === 'bufferStalledError') window.stalls += 1;
    });
    hls.on(window.Hls.Events.LEVEL_UPDATED, (_, { details }) => { window.part = details.partTarget; });
    hls.loadSource(url);
    hls.attachMedia(video);
    video.play();
    setInterval(() => { if (hls.latency > 0 && !video.paused) window.latencies.push(hls.latency); }, 100);
  }, playlist);
  const count = 10 * SECONDS;
  await until('hls.js plays', () => page.evaluate((n) => document.getElementById('video').currentTime > 0 && window.latencies.length > n, count), 30000 + 1000 * SECONDS);
  const seen = await page.evaluate(() => ({ problems: window.problems, latencies: window.latencies, stalls: window.stalls, part: window.part, played: document.getElementById('video').currentTime }));
  await page.close();
  console.log(`# hls.js as it comes: ${told(seen.latencies)} behind the edge, ${seen.stalls} stalls, parts of ${seen.part} s`);
  assert.deepEqual(seen.problems, []);
  assert.ok(seen.part > 0.16 && seen.part < 0.24, `parts of ${seen.part} s`);
}

async function open() {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.addInitScript(() => {
    window.readings = [];
    window.waits = 0;
    addEventListener('DOMContentLoaded', () => {
      const video = document.getElementById('video');
      video.addEventListener('latencyreading', ({ detail }) => window.readings.push(detail));
      video.addEventListener('waiting', () => { window.waits += 1; });
    });
  });
  const began = Date.now();
  await page.goto(`${server.url}/#${NAME}`);
  await page.waitForFunction(() => document.getElementById('video').currentTime > 0 && document.getElementById('video').readyState >= 3, null, { timeout: 30000 });
  return { page, errors, joined: (Date.now() - began) / 1000 };
}

const readings = (page, count, seconds = 40) => until('stamps are read', () => page.evaluate(
  (n) => window.readings.length >= n && window.readings.map(({ latency }) => latency), count), 1000 * seconds);

async function viewersPage() {
  const { page, errors, joined } = await open();
  await readings(page, 30);
  await page.waitForTimeout(watched ? 5000 : 0);
  await page.evaluate(() => { window.readings = []; window.waits = 0; });
  const seen = await readings(page, 25 * SECONDS, 40 + SECONDS);
  const waits = await page.evaluate(() => window.waits);
  console.log(`# the page: joined in ${joined.toFixed(2)} s, capture to display ${told(seen)}, ${waits} waits`);
  // Whole segments of a second would be two target durations behind.
  assert.ok(quantile(seen, 0.5) < 3, told(seen));
  await page.screenshot({ path: `${shots}/lowlatency.png` });

  // The publisher goes; what comes in its place is played on in the same page.
  const publisher = server.publishers.at(-1);
  await publisher.stop();
  const away = await until('the playlist has a gap', async () => {
    const text = await (await fetch(playlist)).text();
    return /#EXT-X-GAP\n#EXTINF:[\d.]+,\n[^#\n]+\n(?!#EXT-X-(PART|DISCONTINUITY))/.test(text) && text;
  });
  assert.ok(!away.includes('#EXT-X-ENDLIST'));
  server.publishStamped(NAME);
  await page.evaluate(() => { window.readings = []; });
  await until('it goes on', () => page.evaluate(() => window.readings.filter(({ verdict }) => verdict === 'ok').length > 60), 40000);
  const after = await page.evaluate(() => window.readings.slice(-30).map(({ latency }) => latency));
  console.log(`# after a pause: ${told(after)}`);
  assert.deepEqual(errors, []);
  await page.close();
}

try {
  await plainPlayer();
  await viewersPage();
  await browser.close();
  assert.equal(await server.penstock.stop(), 0, 'penstock ends with exit code 0');
  console.log('ok');
} catch (error) {
  process.exitCode = 1;
  console.error(error);
  await browser.contexts()[0]?.pages()[0]?.screenshot({ path: `${shots}/failed-lowlatency.png` }).catch(() => {});
  console.error(server.log);
} finally {
  await browser.close();
  await server.stop();
}
