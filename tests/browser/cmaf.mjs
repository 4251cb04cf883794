// SPDX-License-Identifier: LGPL-2.1-or-later
// HLS with CMAF segments in Chromium, by hls.js and by its own HLS: the output of hlssegmenter for
// each codec, and a change of configuration. cmaf.mjs HLS.JS-FILE SCRATCH-DIRECTORY
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { chromium } from 'playwright-core';
import { until } from './server.mjs';

const [library, scratch] = process.argv.slice(2);
const SECONDS = 4;
rmSync(scratch, { recursive: true, force: true });
mkdirSync(scratch, { recursive: true });

const X264 = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', '50'];
const CASES = {
  'avc-aac': { video: [...X264, '-bf', '3'], audio: ['-c:a', 'aac'], parsers: ['h264parse', 'aacparse'] },
  'av1-opus': {
    video: ['-c:v', 'libaom-av1', '-cpu-used', '8', '-g', '50', '-pix_fmt', 'yuv420p'],
    audio: ['-c:a', 'libopus'],
    parsers: ['av1parse', 'opusparse'],
  },
  'vp9-flac': {
    video: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '50', '-pix_fmt', 'yuv420p'],
    audio: ['-c:a', 'flac', '-strict', '-2'],
    parsers: ['vp9parse', 'flacparse'],
  },
};

function segment(name, { video, audio, parsers }, size) {
  const source = join(scratch, `${name}-${size}.mp4`);
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc=s=${size}:r=25:d=${SECONDS}`,
    '-f', 'lavfi', '-i', `sine=r=48000:d=${SECONDS}`, '-ac', '2', ...video, ...audio, source]);
  execFileSync('gst-launch-1.0', ['-q', 'filesrc', `location=${source}`, '!', 'qtdemux', 'name=d',
    'd.video_0', '!', parsers[0], '!', 'hls.video_0', 'd.audio_0', '!', parsers[1], '!', 'hls.audio_0',
    'hlssegmenter', 'name=hls', 'container=cmaf', 'sync=false', 'playlist-length=0',
    `location=file://${scratch}/${name}/index.m3u8`]);
}

for (const [name, what] of Object.entries(CASES)) segment(name, what, '320x240');
// A second run continues the playlist, with another configuration.
segment('change', CASES['avc-aac'], '320x240');
segment('change', CASES['avc-aac'], '424x240');
const changed = readFileSync(join(scratch, 'change/index.m3u8'), 'utf8');
assert.equal(changed.match(/#EXT-X-MAP:/g).length, 2);
assert.equal(changed.match(/#EXT-X-DISCONTINUITY\n/g).length, 1);
assert.equal(readdirSync(join(scratch, 'change')).filter((file) => file.startsWith('init-')).length, 2);

const TYPES = { m3u8: 'application/vnd.apple.mpegurl', mp4: 'video/mp4', m4s: 'video/mp4', js: 'text/javascript' };
const server = createServer((request, response) => {
  const path = new URL(request.url, 'http://x').pathname;
  if (path === '/') {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><video id=video muted></video><script src=/hls.js></script>');
    return;
  }
  const file = path === '/hls.js' ? library : join(scratch, path.split('/').slice(-2).map((part) => basename(part)).join('/'));
  try {
    const body = readFileSync(file);
    response.setHeader('Content-Type', TYPES[file.split('.').pop()] ?? 'application/octet-stream');
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const base = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});

/** Plays a playlist to its end; returns what was decoded. */
async function play(name, native) {
  const page = await browser.newPage();
  await page.goto(`${base}/`);
  await page.evaluate(([url, isNative]) => {
    window.problems = [];
    const video = document.getElementById('video');
    window.sizes = new Set();
    video.addEventListener('resize', () => window.sizes.add(`${video.videoWidth}x${video.videoHeight}`));
    video.addEventListener('error', () => window.problems.push(video.error.message));
    if (isNative) {
      video.src = url;
    } else {
      const hls = new window.Hls({ startPosition: 0 });
      hls.on(window.Hls.Events.ERROR, (_, data) => window.problems.push(`${data.type} ${data.details} ${data.reason ?? ''}`));
      hls.loadSource(url);
      hls.attachMedia(video);
    }
    video.playbackRate = 2;
    video.play().catch((error) => window.problems.push(error.message));
  }, [`${base}/${name}/index.m3u8`, native]);
  const state = () => page.evaluate(() => {
    const video = document.getElementById('video');
    return {
      ended: video.ended,
      time: video.currentTime,
      duration: video.duration,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      audio: video.webkitAudioDecodedByteCount,
      problems: window.problems,
      sizes: [...window.sizes],
    };
  });
  try {
    await until(`${name} is played`, async () => (await state()).ended, 30000);
  } catch (error) {
    throw new Error(`${error.message}: ${JSON.stringify(await state())}`);
  }
  const result = await state();
  await page.close();
  return result;
}

try {
  for (const name of [...Object.keys(CASES), 'change']) {
    const length = name === 'change' ? 2 * SECONDS : SECONDS;
    for (const native of name === 'avc-aac' ? [false, true] : [false]) {
      const seen = await play(name, native);
      console.log(name, native ? 'native' : 'hls.js', JSON.stringify(seen));
      assert.deepEqual(seen.problems, []);
      assert.ok(Math.abs(seen.duration - length) < 0.2, `${name}: ${seen.duration} s`);
      assert.ok(seen.frames >= length * 25 * 0.9, `${name}: ${seen.frames} frames`);
      assert.ok(seen.audio > 0, `${name}: no audio`);
      assert.deepEqual(seen.sizes.sort(), name === 'change' ? ['320x240', '424x240'] : ['320x240']);
    }
  }
} finally {
  await browser.close();
  server.close();
}
